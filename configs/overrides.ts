import { parseDocument } from 'yaml';
import { CarpalError } from './errors.ts';
import { type FieldPath, type Finding, formatPath, show } from './finding.ts';
import { isRecord } from './json.ts';

/** One `--set path=value`: the path from the top of the manifest, and the value as YAML reads it. */
export type Override = { readonly text: string; readonly path: FieldPath; readonly value: unknown };

const TOP = new Set(['apiVersion', 'kind', 'metadata', 'spec']);

/** A word, an index in brackets, or a quoted key in brackets. */
const PART = /\.?([A-Za-z_][A-Za-z0-9_-]*)|\.?([0-9]+)(?![A-Za-z_])|\[([0-9]+)\]|\[("(?:[^"\\]|\\.)*")\]/y;

/**
 * Reads texts such as `training.epochs=5`, `loss[0].weight=2`, `run.folds=[0, 1]` and `placement.nodeSelector["a.b/c"]=x`. A path starts at
 * spec unless its first part is apiVersion, kind, metadata or spec. Nothing after `=` means empty text. Throws `usage-invalid` for text of
 * another form.
 */
export function parseOverride(text: string): Override {
  const wrong = (what: string, fix = 'Write path=value, such as training.epochs=5.'): CarpalError =>
    new CarpalError('usage-invalid', what, { where: `--set ${text}`, fix });
  const equals = text.search(/=(?![^[]*"\])/);
  if (equals <= 0) throw wrong(`${show(text)} is not path=value`);
  const path = parsePath(text.slice(0, equals));
  if (path === undefined) throw wrong(`${show(text.slice(0, equals))} is not the path of a field`);
  const written = text.slice(equals + 1);
  if (written.trim() === '') return { text, path, value: '' };
  const document = parseDocument(written, { prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) throw wrong(`${show(written)} cannot be read as YAML: ${error.message}`, 'Put the value in quotes.');
  return { text, path, value: document.toJS({ maxAliasCount: 0 }) };
}

function parsePath(text: string): FieldPath | undefined {
  const path: (string | number)[] = [];
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const match = PART.exec(text);
    if (match === null) return undefined;
    const [, word, dottedIndex, index, quoted] = match;
    if (word !== undefined) path.push(word);
    else if (quoted !== undefined) path.push(String(JSON.parse(quoted)));
    else path.push(Number(index ?? dottedIndex));
  }
  // A prototype is not a field, and the check of the manifest could not see that it was set.
  if (path.length === 0 || path.includes('__proto__')) return undefined;
  return TOP.has(String(path[0])) ? path : ['spec', ...path];
}

/**
 * Returns a copy of `value` with the override applied. Creates missing groups. Returns a finding if a part of the path is neither a group
 * nor a list.
 */
export function applyOverride(value: unknown, override: Override): { value: unknown } | { finding: Finding } {
  const blocked = blockedAt(value, override.path);
  if (blocked === undefined) return { value: put(value, override.path, override.value) };
  const path = override.path.slice(0, blocked);
  return {
    finding: { path, message: `${formatPath(path)} has no such field to set`, fix: 'Give the path of a field of the manifest.' },
  };
}

/** The length of the shortest beginning of `path` whose value cannot contain the next part. */
function blockedAt(value: unknown, path: FieldPath): number | undefined {
  let holder = value;
  for (const [index, part] of path.entries()) {
    if (holder === undefined || holder === null) return typeof part === 'number' && part > 0 ? index : undefined;
    if (typeof holder !== 'object') return index;
    if (Array.isArray(holder) !== (typeof part === 'number')) return index;
    if (Array.isArray(holder) && Number(part) > holder.length) return index;
    holder = (holder as Record<string | number, unknown>)[part];
  }
  return undefined;
}

function put(holder: unknown, [part, ...rest]: FieldPath, value: unknown): unknown {
  if (part === undefined) return value;
  if (typeof part === 'number') {
    const list: unknown[] = Array.isArray(holder) ? [...holder] : [];
    list[part] = put(list[part], rest, value);
    return list;
  }
  const group = isRecord(holder) ? holder : {};
  return { ...group, [part]: put(group[part], rest, value) };
}
