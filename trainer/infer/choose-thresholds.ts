import { CLEANINGS, type Cleaning } from '@carpal/masks/cleaning.ts';
import type { ThresholdSums } from './threshold-sums.ts';

/** Where a class is cut and how its masks are cleaned; `dice` is what that gave out of fold, where it is known. */
export type ChosenThreshold = { readonly threshold: number; readonly cleaning: Cleaning; readonly dice: number | undefined };

export type CutChoice = {
  /** The threshold of the manifest. */
  readonly threshold: number;
  /** Whether each class may take another threshold. */
  readonly perClassThresholds: boolean;
  /** Whether each class may have its masks cleaned. */
  readonly perClassCleaning: boolean;
};

/**
 * What a class's mean Dice must gain before a cleaning, or one that changes more, is taken. A ten-thousandth is two pixels of a bone of
 * 10,000: less comes from a pixel here and there, which the next images need not have, while a cleaning that goes wrong takes a whole piece
 * of a bone. Where it matters, specks of other bones cost hundreds of times as much.
 */
export const CLEANING_GAIN = 1e-4;

/**
 * For each class the threshold and the cleaning, chosen together, with the greatest mean Dice over all folds' own images. Of thresholds
 * that are equal the one nearest to the manifest's is taken; a cleaning only where it gains more than CLEANING_GAIN. A class keeps the
 * manifest's threshold without cleaning where no fold has sums for it, or where the folds tried different thresholds; there is no cleaning
 * where a fold has no sums of it.
 */
export function chooseThresholds(folds: readonly ThresholdSums[], classes: number, choice: CutChoice): ChosenThreshold[] {
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
  wanted: number,
): { threshold: number; dice: number } {
  let best = { threshold: wanted, dice: -1 };
  for (const place of places) {
    const [threshold, dice] = [thresholds[place] as number, meanAt(place)];
    const nearer = dice === best.dice && Math.abs(threshold - wanted) < Math.abs(best.threshold - wanted);
    if (dice > best.dice || nearer) best = { threshold, dice };
  }
  return best;
}
