import { readFileSync, statSync } from 'node:fs';
import { adviceFor } from './check/advice.ts';
import { checkExperiment } from './check/check-experiment.ts';
import { classListNames } from './classes.ts';
import { CarpalError } from './errors.ts';
import { systemErrorCode } from './file-errors.ts';
import { type Finding, formatPath, type Mistake, startsWith } from './finding.ts';
import { type ManifestDocument, parseManifest } from './manifest-document.ts';
import { applyOverride, type Override, parseOverride } from './overrides.ts';
import { unmeasured, withSizes } from './schema/auto.ts';
import type { CheckedManifest, ManifestSpec, SegmentationExperiment } from './schema/experiment.ts';

export type LoadOptions = {
  /** `path=value` texts, applied in this order before the check. */
  readonly set?: readonly string[];
};

/** A longer list does not help, and a file that is not a manifest must not fill the terminal. */
const MOST_MISTAKES = 100;

/** A manifest that was read and checked. `advice` lists settings that are valid but probably not intended. */
export type ManifestReport =
  | { readonly ok: true; readonly experiment: CheckedManifest; readonly advice: readonly Mistake[] }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

/**
 * The experiment in a YAML or JSON file, with all sizes as numbers. Throws as {@link loadManifest} does, and `sizes-unmeasured` if a size
 * is auto.
 */
export function loadExperiment(file: string, options: LoadOptions = {}): SegmentationExperiment {
  const manifest = loadManifest(file, options);
  const experiment = withSizes(manifest, {});
  if (experiment !== undefined) return experiment;
  throw sizesUnmeasured(manifest.spec, { where: file });
}

/** The error `sizes-unmeasured` with the names of the sizes that are auto. */
export function sizesUnmeasured(spec: ManifestSpec, details: { where?: string; fix?: string }): CarpalError {
  const fields = unmeasured(spec).map(({ path }) => formatPath(path));
  return new CarpalError('sizes-unmeasured', `${fields.join(' and ')} ${fields.length === 1 ? 'is' : 'are'} auto`, details);
}

/**
 * The checked manifest in a YAML or JSON file, with every default written out. Calls `onAdvice` for settings that are probably not
 * intended. Throws `manifest-invalid` with every mistake (line, field and fix), `manifest-unreadable`, or `usage-invalid` for an invalid
 * `set`.
 */
export function loadManifest(file: string, options: LoadOptions = {}, onAdvice?: (advice: Mistake) => void): CheckedManifest {
  const report = readManifest(file, options);
  if (report.ok) {
    for (const advice of report.advice) onAdvice?.(advice);
    return report.experiment;
  }
  const count = report.mistakes.length === 1 ? '1 mistake' : `${report.mistakes.length} mistakes`;
  throw new CarpalError('manifest-invalid', `${count}\n${report.mistakes.map(formatMistake).join('\n')}`, { where: file });
}

/** Like {@link loadManifest}, but returns mistakes as data. Throws only `manifest-unreadable`, and `usage-invalid` for an invalid `set`. */
export function readManifest(file: string, options: LoadOptions = {}): ManifestReport {
  return checkManifest(readManifestText(file), file, options);
}

/** Like {@link readManifest}, for the text of a manifest; `file` is its name in mistakes. */
export function checkManifest(text: string, file: string, options: LoadOptions = {}): ManifestReport {
  const document = parseManifest(text);
  const { value, overrides, mistakes } = withOverrides(document.value, options.set ?? []);
  for (const { line, message, fix } of document.mistakes) mistakes.push({ where: `${file}:${line}`, path: '', message, fix });
  if (document.value === undefined) return { ok: false, mistakes: firstOf(mistakes, 0, file) };
  const place = (finding: Finding): Mistake => placed(finding, document, overrides, file);
  const result = checkExperiment(value, classListNames());
  const findings = result.ok ? [] : result.findings;
  mistakes.push(...findings.slice(0, MOST_MISTAKES).map(place));
  if (!result.ok || mistakes.length > 0)
    return { ok: false, mistakes: firstOf(mistakes, Math.max(0, findings.length - MOST_MISTAKES), file) };
  const isWritten = (path: readonly string[]): boolean =>
    document.has(path) || overrides.some((override) => startsWith(path, override.path));
  return { ok: true, experiment: result.experiment, advice: adviceFor(result.experiment.spec, isWritten).map(place) };
}

/** `file:line spec.loss[0].weight must be …: what to do` */
export function formatMistake({ where, path, message, fix }: Mistake): string {
  return `  ${[where, path, message].filter((part) => part !== undefined && part !== '').join(' ')}\n    → ${fix}`;
}

function withOverrides(manifest: unknown, texts: readonly string[]): { value: unknown; overrides: Override[]; mistakes: Mistake[] } {
  const overrides: Override[] = [];
  const mistakes: Mistake[] = [];
  let value = manifest;
  for (const override of texts.map(parseOverride)) {
    const applied = applyOverride(value, override);
    if ('finding' in applied) {
      const { message, fix } = applied.finding;
      mistakes.push({ where: `--set ${override.text}`, path: '', message, fix });
    } else {
      value = applied.value;
      overrides.push(override);
    }
  }
  return { value, overrides, mistakes };
}

/** A mistake in a value from --set is reported at that option, any other mistake at its line. */
function placed({ path, message, fix }: Finding, document: ManifestDocument, overrides: readonly Override[], file: string): Mistake {
  const isFrom = (entry: Override): boolean => startsWith(path, entry.path) || (startsWith(entry.path, path) && !document.has(path));
  const override = overrides.findLast(isFrom);
  const where = override === undefined ? `${file}:${document.lineOf(path)}` : `--set ${override.text}`;
  return { where, path: formatPath(path), message, fix };
}

/** The first mistakes in the order of their lines, and the number of the remaining ones. */
function firstOf(mistakes: readonly Mistake[], unplaced: number, file: string): Mistake[] {
  const first = [...mistakes].sort(byLine).slice(0, MOST_MISTAKES);
  const more = mistakes.length - first.length + unplaced;
  return more === 0 ? first : [...first, { where: file, path: '', message: `and ${more} more mistakes`, fix: 'Fix these first.' }];
}

function byLine(a: Mistake, b: Mistake): number {
  return lineOf(a) - lineOf(b);
}

/** Mistakes of a --set come after those of the file. */
function lineOf({ where }: Mistake): number {
  return Number(/:([0-9]+)$/.exec(where ?? '')?.[1] ?? Number.MAX_SAFE_INTEGER);
}

/** A manifest has some hundred lines; a larger file is something else. */
const MAX_BYTES = 256 * 1024;

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'no permission to read it',
  EPERM: 'no permission to read it',
  EISDIR: 'this is a folder',
};

/** The text of a manifest file. Throws `manifest-unreadable` for a file that is missing, a folder, over 256 KiB, or not UTF-8 text. */
function readManifestText(file: string): string {
  const fail = (what: string, cause?: unknown): never => {
    throw new CarpalError('manifest-unreadable', what, { where: file, cause });
  };
  let bytes: Buffer;
  try {
    const { size } = statSync(file);
    if (size > MAX_BYTES) return fail(`it has ${size} bytes; a manifest has at most ${MAX_BYTES}`);
    bytes = readFileSync(file);
  } catch (error) {
    if (error instanceof CarpalError) throw error;
    const code = systemErrorCode(error);
    return fail(UNREADABLE[code ?? ''] ?? `it cannot be read: ${code ?? String(error)}`, error);
  }
  if (bytes.includes(0)) return fail('it is not text');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    return fail('it is not UTF-8 text', error);
  }
}
