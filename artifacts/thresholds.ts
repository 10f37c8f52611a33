/** A run has two kinds of thresholds.json: the out-of-fold sums of a fold, and the thresholds that the ensemble chooses from these sums. */
import { readFile } from 'node:fs/promises';
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';
import { isRecord, parseJson } from '@carpal/configs/json.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { z } from 'zod';
import type { ArtifactStore } from './store.ts';

/** The names that these files use for the ways of masks/cleaning.ts. The compiler checks that both lists agree where both are used. */
const CLEANINGS = ['none', 'largest', 'fill', 'largest+fill'] as const;
type Cleaning = (typeof CLEANINGS)[number];

/** The threshold of a class's probabilities, and how its masks are cleaned. */
export type ClassCut = { readonly threshold: number; readonly cleaning: Cleaning };

/** A cut that the ensemble chose for a class. `dice` is the mean out-of-fold Dice with it, if known. */
export type ChosenThreshold = ClassCut & { readonly dice: number | undefined };

/** Sums of Dice over a number of images, [class][threshold]. */
type DiceSums = readonly (readonly number[])[];

/**
 * out-of-fold/thresholds.json: for each class, threshold and cleaning the sum of Dice over the fold's own images. Adding the sums of all
 * folds gives those of the experiment.
 */
export type ThresholdSums = {
  readonly thresholds: readonly number[];
  /** The sums without cleaning. */
  readonly perClassDiceSum: DiceSums;
  /** The sums with each way of cleaning; absent in files of earlier versions. */
  readonly cleaned?: Readonly<Record<Exclude<Cleaning, 'none'>, DiceSums>> | undefined;
  readonly images: number;
};

const rows = z.array(z.array(z.number()));
const sumsSchema = z
  .object({
    thresholds: z.array(z.number().gt(0).lt(1)),
    perClassDiceSum: rows,
    cleaned: z.object({ largest: rows, fill: rows, 'largest+fill': rows }).optional(),
    images: z.int().min(0),
  })
  .refine(({ thresholds, perClassDiceSum, cleaned }) =>
    [perClassDiceSum, ...Object.values(cleaned ?? {})].every(
      (sums) => sums.length === perClassDiceSum.length && sums.every((row) => row.length === thresholds.length),
    ),
  );

/** The content of out-of-fold/thresholds.json. */
export function thresholdSumsText(sums: ThresholdSums): string {
  return `${JSON.stringify(sums)}\n`;
}

/** The sums in an out-of-fold/thresholds.json, or undefined if its form is not valid. */
export function parseThresholdSums(text: string): ThresholdSums | undefined {
  return sumsSchema.safeParse(parseJson(text)).data;
}

/** The sums of each fold that the experiment runs. Throws `artifact-missing` or `checkpoint-invalid`. */
export async function readThresholdSums(store: ArtifactStore, experiment: SegmentationExperiment): Promise<ThresholdSums[]> {
  const folds: ThresholdSums[] = [];
  for (const fold of experiment.spec.run.folds) {
    const key = `${foldKey(experiment, fold)}/${FILE.outOfFoldThresholds}`;
    const sums = parseThresholdSums((await store.read(key)).toString('utf8'));
    if (!sums) throw new CarpalError('checkpoint-invalid', "the fold's threshold sums cannot be read", { where: key });
    folds.push(sums);
  }
  return folds;
}

/** The content of the ensemble's thresholds.json: `{"Radius": {"threshold": 0.4, "cleaning": "largest"}, …}`, in class order. */
export function thresholdsText(classes: readonly string[], thresholds: readonly ClassCut[]): string {
  const cuts = classes.map((name, index) => {
    const { threshold = null, cleaning = 'none' } = thresholds[index] ?? {};
    return [name, { threshold, cleaning }];
  });
  return `${JSON.stringify(Object.fromEntries(cuts), null, 2)}\n`;
}

/**
 * The cuts in an ensemble's thresholds.json, in class order. A bare number is a threshold without cleaning, as earlier versions wrote it.
 * Throws `thresholds-invalid` with every mistake: no such file, not JSON, a threshold that is not between 0 and 1, an unknown cleaning, a
 * class that is missing or unknown.
 */
export async function readThresholdsFile(path: string, classes: readonly string[]): Promise<ClassCut[]> {
  const invalid = (what: string, cause?: unknown): CarpalError => new CarpalError('thresholds-invalid', what, { where: path, cause });
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const reason = messageOf(cause);
    throw invalid(systemErrorCode(cause) === 'ENOENT' ? 'there is no such file' : `the file cannot be read: ${reason}`, cause);
  });
  const entries = parseJson(text);
  if (!isRecord(entries)) throw invalid('the file is not a JSON object of classes');
  const mistakes: string[] = [];
  for (const name of Object.keys(entries)) if (!classes.includes(name)) mistakes.push(`${name} is not a class of the network`);
  const cuts = classes.map((name): ClassCut => {
    const cut = Object.hasOwn(entries, name) ? cutOf(entries[name]) : 'is missing';
    if (typeof cut !== 'string') return cut;
    mistakes.push(`${name} ${cut}`);
    return { threshold: 0.5, cleaning: 'none' };
  });
  if (mistakes.length > 0) throw invalid(mistakes.join('; '));
  return cuts;
}

/** The cut in an entry, or what is wrong with it. */
function cutOf(entry: unknown): ClassCut | string {
  const { threshold, cleaning = 'none' } = isRecord(entry) ? entry : { threshold: entry };
  if (typeof threshold !== 'number' || !(threshold > 0 && threshold < 1)) {
    return `has the threshold ${JSON.stringify(threshold)}, which is not between 0 and 1`;
  }
  const known = CLEANINGS.find((name) => name === cleaning);
  return known
    ? { threshold, cleaning: known }
    : `has the cleaning ${JSON.stringify(cleaning)}, which is not one of ${CLEANINGS.join(', ')}`;
}
