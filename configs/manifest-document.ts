import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseAllDocuments } from 'yaml';
import type { FieldPath } from './finding.ts';

/** An alias may multiply what is written; a manifest needs a few at most. */
const MAX_ALIASES = 100;

/** A mistake of the text itself, at a line counted from 1. */
export type TextMistake = { readonly line: number; readonly message: string; readonly mend: string };

/** What a text holds, and where in it each field lies. `value` is undefined when the text cannot be read at all. */
export type ManifestDocument = {
  readonly value: unknown;
  readonly mistakes: readonly TextMistake[];
  /** The line of the field at `path`, or of the nearest thing above it that is written. */
  lineOf(path: FieldPath): number;
  /** Whether the field at `path` is written in the text. */
  has(path: FieldPath): boolean;
};

/** Reads YAML or JSON text as one manifest. Never throws: what is wrong with the text is in `mistakes`. */
export function parseManifest(text: string): ManifestDocument {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const lineAt = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  const first = Array.isArray(documents) ? documents[0] : undefined;
  if (first === undefined || first.contents === null) {
    const mistake = { line: 1, message: 'the file is empty', mend: 'Begin with an example of configs/experiments.' };
    return { value: undefined, mistakes: [mistake], lineOf: () => 1, has: () => false };
  }
  const mistakes: TextMistake[] = [];
  for (const error of [...first.errors, ...first.warnings])
    mistakes.push({ line: lineAt(error.pos[0]), ...textMistake(error.code, error.message) });
  const second = documents[1];
  if (second !== undefined) {
    const line = lineAt(second.range[0]);
    mistakes.push({ line, message: 'a second document begins here', mend: 'Put each experiment into a file of its own.' });
  }
  // A doubled key leaves the rest readable; anything else makes what follows a guess.
  const readable = first.errors.every((error) => error.code === 'DUPLICATE_KEY');
  let value: unknown;
  try {
    value = readable ? first.toJS({ maxAliasCount: MAX_ALIASES }) : undefined;
  } catch (error) {
    mistakes.push({
      line: 1,
      message: error instanceof Error ? error.message : String(error),
      mend: 'Write the fields out instead of using aliases.',
    });
  }
  return {
    value,
    mistakes,
    lineOf: (path) => lineAt(offsetOf(first, path)),
    has: (path) => path.length === 0 || first.hasIn(path),
  };
}

function textMistake(code: string, message: string): { message: string; mend: string } {
  if (code === 'DUPLICATE_KEY') return { message: 'this field is written twice in one group', mend: 'Keep one of the two.' };
  if (code === 'TAB_AS_INDENT') return { message: 'a tab stands where spaces must', mend: 'Indent with spaces.' };
  return { message: `this is not YAML: ${message}`, mend: 'Mend the line; indentation and quotes are the usual causes.' };
}

/** The offset of the key of the deepest part of `path` that is written, following aliases. */
function offsetOf(document: Document, path: FieldPath): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item: Pair) => (isScalar(item.key) ? String(item.key.value) : String(item.key)) === String(part));
      if (pair === undefined) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      if (node === undefined) return offset;
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}
