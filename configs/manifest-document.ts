import {
  type Alias,
  type Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  visit,
} from 'yaml';
import { messageOf } from './errors.ts';
import type { FieldPath } from './finding.ts';

/** Aliases can multiply the size of a document; a manifest needs only a few. */
const MAX_ALIASES = 100;

/** A mistake in the text itself, with its line counted from 1. */
type TextMistake = { readonly line: number; readonly message: string; readonly fix: string };

/** The content of a text, and the line of each field. `value` is undefined if the text cannot be read. */
export type ManifestDocument = {
  readonly value: unknown;
  readonly mistakes: readonly TextMistake[];
  /** The line of the field at `path`, or of its nearest written parent. */
  lineOf(path: FieldPath): number;
  /** Whether the text contains the field at `path`. */
  has(path: FieldPath): boolean;
};

/** Reads YAML or JSON text as one manifest. Never throws: `mistakes` lists what is wrong with the text. */
export function parseManifest(text: string): ManifestDocument {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, merge: true, uniqueKeys: false });
  const lineAt = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  // An empty document, such as the one before a `---` that follows a comment, is not a mistake.
  const [first, second] = documents.filter((document) => !isEmpty(document));
  if (first === undefined) {
    const mistake = { line: 1, message: 'the file is empty', fix: 'Start from an example in configs/experiments.' };
    return { value: undefined, mistakes: [mistake], lineOf: () => 1, has: () => false };
  }
  const mistakes: TextMistake[] = [];
  for (const error of [...first.errors, ...first.warnings])
    mistakes.push({ line: lineAt(error.pos[0]), ...textMistake(error.code, error.message) });
  if (second !== undefined) {
    const line = lineAt(second.range[0]);
    mistakes.push({ line, message: 'a second document starts here', fix: 'Put each experiment into its own file.' });
  }
  for (const key of doubledKeys(first)) {
    mistakes.push({ line: lineAt(startOf(key) ?? 0), message: 'this field is written twice', fix: 'Keep one of the two.' });
  }
  const dangling = danglingAliases(first);
  for (const { source, range } of dangling) {
    const message = `there is no anchor &${source} before this alias`;
    mistakes.push({ line: lineAt(range?.[0] ?? 0), message, fix: 'Define the anchor before it, or write the fields out.' });
  }
  // After a duplicate key the rest can still be read; after any other mistake the content is uncertain.
  const readable = dangling.length === 0 && first.errors.length === 0;
  let value: unknown;
  try {
    value = readable ? first.toJS({ maxAliasCount: MAX_ALIASES }) : undefined;
  } catch (error) {
    mistakes.push({
      line: 1,
      message: messageOf(error),
      fix: 'Write the fields out instead of using aliases.',
    });
  }
  return {
    value,
    mistakes,
    lineOf: (path) => lineAt(offsetOf(first, path)),
    has: (path) => path.length === 0 || first.hasIn(path),
  };
}

function isEmpty({ contents, errors }: Document.Parsed): boolean {
  return errors.length === 0 && (contents === null || (isScalar(contents) && contents.value === null));
}

/**
 * The keys that repeat an earlier key of the same group. The library's own check compares all pairs of keys, so a hostile file could keep
 * it busy for minutes.
 */
function doubledKeys(document: Document.Parsed): unknown[] {
  const doubled: unknown[] = [];
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<string>();
      for (const { key } of items) {
        const name = keyText(key);
        // Two merges in one group are valid.
        if (seen.has(name) && name !== '<<') doubled.push(key);
        seen.add(name);
      }
    },
  });
  return doubled;
}

/** The text of a key for comparisons. A key that is a list or a group never equals another key; it is reported as an invalid key. */
function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : `\u0000${startOf(key)}`;
}

/** The aliases without an anchor before them. One pass: resolving each alias separately would walk the document once per alias. */
function danglingAliases(document: Document.Parsed): Alias.Parsed[] {
  const anchors = new Set<string>();
  const dangling: Alias.Parsed[] = [];
  visit(document, (_, node) => {
    if (isAlias(node) && !anchors.has(node.source)) dangling.push(node as Alias.Parsed);
    if ((isCollection(node) || isScalar(node)) && node.anchor !== undefined) anchors.add(node.anchor);
  });
  return dangling;
}

function textMistake(code: string, message: string): { message: string; fix: string } {
  if (code === 'TAB_AS_INDENT') return { message: 'indentation must use spaces, not tabs', fix: 'Indent with spaces.' };
  return { message: `this is not YAML: ${message}`, fix: 'Fix the line; indentation and quotes are the usual causes.' };
}

/** The offset of the key of the deepest part of `path` that is written in the document. Follows aliases. */
function offsetOf(document: Document, path: FieldPath): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item: Pair) => keyText(item.key) === String(part));
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
