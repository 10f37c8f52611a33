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

/** A cut that was chosen for a class, with out-of-fold figures if they are known. */
export type ChosenThreshold = ClassCut & {
  /** The threshold of a single network. `threshold` is that of the vote, which may differ. */
  readonly fitted: number;
  /** Mean Dice, each image scored with a cut that was chosen without its person. */
  readonly dice: number | undefined;
  /** By how much that is more than the mean Dice at the manifest's threshold without cleaning. */
  readonly gain: number | undefined;
};

/** Sums of Dice over a number of images, [class][threshold]. */
type DiceSums = readonly (readonly number[])[];

/** The sums over the images of some people. A person of the experiment is in the same group in every fold. */
export type GroupSums = {
  readonly group: number;
  readonly images: number;
  /** Without cleaning, [class][threshold]. */
  readonly dice: DiceSums;
  /** With each way of cleaning, [class][threshold at which cleanings are tried]. */
  readonly cleaned: Readonly<Record<Exclude<Cleaning, 'none'>, DiceSums>>;
};

/**
 * out-of-fold/thresholds.json: for each group of people, class, threshold and cleaning the sum of Dice over the fold's own images. Its size
 * does not depend on the number of images.
 */
export type ThresholdSums = {
  /** Ascending. */
  readonly thresholds: readonly number[];
  /** The thresholds at which cleanings are tried too: some of `thresholds`, ascending. */
  readonly cleanedThresholds: readonly number[];
  /** The groups that have images in this fold, ascending. */
  readonly groups: readonly GroupSums[];
};

/** Limits of a file that is read: far above what a fold writes. */
const MOST_THRESHOLDS = 1000;
const MOST_GROUPS = 100;
const threshold = z.number().gt(0).lt(1);
const rows = z.array(z.array(z.number()).max(MOST_THRESHOLDS)).max(MOST_THRESHOLDS);
const groupSchema = z.object({
  group: z.int().min(0),
  images: z.int().min(1),
  dice: rows,
  cleaned: z.object({ largest: rows, fill: rows, 'largest+fill': rows }),
});
const sumsSchema = z
  .object({
    thresholds: z.array(threshold).max(MOST_THRESHOLDS),
    cleanedThresholds: z.array(threshold).max(MOST_THRESHOLDS),
    groups: z.array(groupSchema).max(MOST_GROUPS),
  })
  .refine(({ thresholds, cleanedThresholds, groups }) => {
    const classes = groups[0]?.dice.length;
    const fits = (sums: DiceSums, length: number): boolean => sums.length === classes && sums.every((row) => row.length === length);
    return (
      cleanedThresholds.every((at) => thresholds.includes(at)) &&
      groups.every(
        ({ dice, cleaned }) =>
          fits(dice, thresholds.length) && Object.values(cleaned).every((sums) => fits(sums, cleanedThresholds.length)),
      )
    );
  });

/** More digits would double the size of the file, and do not change a decision. */
const DIGITS = 8;

/** The content of out-of-fold/thresholds.json, one group per line. */
export function thresholdSumsText({ thresholds, cleanedThresholds, groups }: ThresholdSums): string {
  const head = JSON.stringify({ thresholds, cleanedThresholds });
  const lines = groups.map((group) =>
    JSON.stringify(group, (_, value: unknown) => (typeof value === 'number' ? Number(value.toFixed(DIGITS)) : value)),
  );
  return `${head.slice(0, -1)},"groups":[\n${lines.join(',\n')}\n]}\n`;
}

/** The sums in an out-of-fold/thresholds.json, or undefined if its form is not valid, as that of earlier versions. */
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
