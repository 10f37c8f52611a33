import type { ChosenThreshold, ThresholdSums } from '@carpal/artifacts/thresholds.ts';
import { CLEANINGS, type Cleaning, cleanedEveryWay } from '@carpal/masks/cleaning.ts';
import { dice } from '@carpal/masks/measure.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';

/** The candidate thresholds of every class, in addition to the manifest's threshold. */
const CANDIDATES = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7];

/**
 * The thresholds that a fold tries, ascending. They always include the manifest's, which is used if thresholds are not chosen per class.
 */
export function candidateThresholds(manifestThreshold: number): readonly number[] {
  return [...new Set([...CANDIDATES, manifestThreshold])].sort((a, b) => a - b);
}

/** Adds up the Dice of a fold's images for each threshold and cleaning. Its memory does not grow with the number of images. */
export class ThresholdTally {
  readonly thresholds: readonly number[];
  /** [cleaning][class][threshold] */
  private readonly sums: number[][][];
  private images = 0;

  constructor(thresholds: readonly number[], classes: number) {
    this.thresholds = thresholds;
    this.sums = CLEANINGS.map(() => Array.from({ length: classes }, () => thresholds.map(() => 0)));
  }

  /** Adds the mask of one class and one threshold of an image. Cleanings that do not change the mask are compared once. */
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

  /** The sums so far. */
  result(): ThresholdSums {
    const [none, largest, fill, largestAndFill] = this.sums as [number[][], number[][], number[][], number[][]];
    const { thresholds, images } = this;
    return { thresholds, perClassDiceSum: none, cleaned: { largest, fill, 'largest+fill': largestAndFill }, images };
  }
}

export type ThresholdChoice = {
  /** The threshold of the manifest. */
  readonly threshold: number;
  /** Whether each class may have its own threshold. */
  readonly perClassThresholds: boolean;
  /** Whether the masks of each class may be cleaned. */
  readonly perClassCleaning: boolean;
};

/**
 * How much the mean Dice of a class must improve before a cleaning, or a stronger cleaning, is chosen. One ten-thousandth is two pixels of
 * a bone of 10,000 pixels. A smaller gain comes from single pixels and may not occur on other images, while a wrong cleaning removes a
 * whole piece of a bone. A useful cleaning, which removes specks of other bones, gains hundreds of times as much.
 */
export const CLEANING_GAIN = 1e-4;

/**
 * For each class, the threshold and cleaning with the greatest mean Dice over the images of all folds, chosen together. Among thresholds
 * with equal Dice, the one closest to the manifest's wins. A cleaning is chosen only if it gains more than CLEANING_GAIN, and only if every
 * fold has sums for it. A class keeps the manifest's threshold without cleaning if no fold has sums for it or the folds tried different
 * thresholds.
 */
export function chooseThresholds(folds: readonly ThresholdSums[], classes: number, choice: ThresholdChoice): ChosenThreshold[] {
  const tried = folds[0]?.thresholds ?? [];
  const images = folds.reduce((sum, fold) => sum + fold.images, 0);
  const comparable = folds.every((fold) => fold.thresholds.join() === tried.join() && fold.perClassDiceSum.length === classes);
  const places = [...tried.keys()].filter((place) => choice.perClassThresholds || tried[place] === choice.threshold);
  const cleanings = choice.perClassCleaning && folds.every((fold) => fold.cleaned) ? CLEANINGS : (['none'] as const);
  return Array.from({ length: classes }, (_, classIndex) => {
    let best: ChosenThreshold = { threshold: choice.threshold, cleaning: 'none', dice: undefined };
    if (!comparable || images === 0 || places.length === 0) return best;
    for (const cleaning of cleanings) {
      const meanAt = (place: number): number =>
        folds.reduce((sum, fold) => sum + (sumsOf(fold, cleaning)[classIndex]?.[place] ?? 0), 0) / images;
      const candidate = bestOf(places, tried, meanAt, choice.threshold);
      if (best.dice === undefined || candidate.dice > best.dice + CLEANING_GAIN) best = { ...candidate, cleaning };
    }
    return best;
  });
}

function sumsOf(fold: ThresholdSums, cleaning: Cleaning): readonly (readonly number[])[] {
  return cleaning === 'none' ? fold.perClassDiceSum : (fold.cleaned?.[cleaning] ?? []);
}

function bestOf(
  places: readonly number[],
  thresholds: readonly number[],
  meanAt: (place: number) => number,
  preferred: number,
): { threshold: number; dice: number } {
  let best = { threshold: preferred, dice: -1 };
  for (const place of places) {
    const [threshold, dice] = [thresholds[place] as number, meanAt(place)];
    const nearer = dice === best.dice && Math.abs(threshold - preferred) < Math.abs(best.threshold - preferred);
    if (dice > best.dice || nearer) best = { threshold, dice };
  }
  return best;
}
