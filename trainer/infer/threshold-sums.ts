import { parseJson } from '@carpal/configs/parse-json.ts';
import { CLEANINGS, type Cleaning, cleanedEveryWay } from '@carpal/masks/cleaning.ts';
import { dice } from '@carpal/masks/dice.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { z } from 'zod';

/** Sums of Dice over a number of images, [class][threshold]. */
type DiceSums = readonly (readonly number[])[];

/**
 * What each threshold and each cleaning would give each class, as sums of Dice over a fold's own images, so that folds are put together by
 * adding: out-of-fold/thresholds.json.
 */
export type ThresholdSums = {
  readonly thresholds: readonly number[];
  /** Without cleaning. */
  readonly perClassDiceSum: DiceSums;
  /** With each way of cleaning; files of earlier versions have none. */
  readonly cleaned?: Readonly<Record<Exclude<Cleaning, 'none'>, DiceSums>> | undefined;
  readonly images: number;
};

/** The thresholds among which the ensemble chooses one for each class, beside the one of the manifest. */
const TRIED = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7];

/** The thresholds that a fold tries, ascending: `threshold` is that of the manifest, which must be known where thresholds are not chosen. */
export function triedThresholds(threshold: number): readonly number[] {
  return [...new Set([...TRIED, threshold])].sort((a, b) => a - b);
}

/** Adds up a fold's images. Holds numbers only, whatever the number of images. */
export class ThresholdTally {
  readonly thresholds: readonly number[];
  /** [cleaning][class][threshold] */
  private readonly sums: number[][][];
  private images = 0;

  constructor(thresholds: readonly number[], classes: number) {
    this.thresholds = thresholds;
    this.sums = CLEANINGS.map(() => Array.from({ length: classes }, () => thresholds.map(() => 0)));
  }

  /** Adds the mask that a threshold, by its place, gives a class of an image. A mask that needs no cleaning is compared once. */
  add(classIndex: number, thresholdIndex: number, mask: RleMask, truth: RleMask): void {
    const ways = cleanedEveryWay(mask);
    const scores: number[] = [];
    for (const [way, result] of ways.entries()) {
      const same = ways.indexOf(result);
      const score = same < way ? (scores[same] as number) : dice(result, truth);
      scores.push(score);
      const row = this.sums[way]?.[classIndex] as number[];
      row[thresholdIndex] = (row[thresholdIndex] as number) + score;
    }
  }

  countImage(): void {
    this.images += 1;
  }

  /** What has been added so far. */
  result(): ThresholdSums {
    const [none, largest, fill, largestAndFill] = this.sums as [number[][], number[][], number[][], number[][]];
    const { thresholds, images } = this;
    return { thresholds, perClassDiceSum: none, cleaned: { largest, fill, 'largest+fill': largestAndFill }, images };
  }
}

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

/** out-of-fold/thresholds.json as text, checked; undefined where it has not that form. */
export function parseThresholdSums(text: string): ThresholdSums | undefined {
  return sumsSchema.safeParse(parseJson(text)).data;
}
