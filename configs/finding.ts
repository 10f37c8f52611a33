/** The path of a field from the top of the manifest: `['spec', 'loss', 0, 'weight']`. */
export type FieldPath = readonly (string | number)[];

/** One mistake: the field, what is wrong with it, and what to write instead. */
export type Finding = { readonly path: FieldPath; readonly message: string; readonly fix: string };

/**
 * A mistake in the form in which it is reported. `path` is text. `where`, if known, is the place of the mistake: `file:line` or the `--set`
 * option.
 */
export type Mistake = { readonly where?: string; readonly path: string; readonly message: string; readonly fix: string };

/** `spec.loss[0].weight`. A key that is not a plain word is quoted in brackets. The empty path is ''. */
export function formatPath(path: FieldPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** Whether `path` is `start` or is below it. */
export function startsWith(path: FieldPath, start: FieldPath): boolean {
  return start.length <= path.length && start.every((part, index) => part === path[index]);
}

/** A value as a message shows it: JSON, cut at 60 characters. */
export function show(value: unknown): string {
  if (typeof value === 'number' || value === undefined) return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
