/** What each threshold would give each class, as sums of Dice over a number of images: out-of-fold/thresholds.json of a fold. */
export type ThresholdSums = {
  readonly thresholds: readonly number[];
  /** [class][threshold] */
  readonly perClassDiceSum: readonly (readonly number[])[];
  readonly images: number;
};

/** A class's threshold; `dice` is what it gave out of fold, where that is known. */
export type ChosenThreshold = { readonly threshold: number; readonly dice: number | undefined };

/**
 * For each class the threshold with the greatest mean Dice over all folds' own images; of equals the one nearest to `fallback`. A class
 * gets the fallback where no fold has sums for it, or where the folds tried different thresholds.
 */
export function chooseThresholds(folds: readonly ThresholdSums[], classes: number, fallback: number): ChosenThreshold[] {
  const thresholds = folds[0]?.thresholds ?? [];
  const comparable = folds.filter((fold) => fold.thresholds.join() === thresholds.join() && fold.perClassDiceSum.length === classes);
  const images = comparable.reduce((sum, fold) => sum + fold.images, 0);
  return Array.from({ length: classes }, (_, classIndex) => {
    if (comparable.length === 0 || comparable.length < folds.length || images === 0) return { threshold: fallback, dice: undefined };
    let best: { threshold: number; dice: number } | undefined;
    for (const [index, threshold] of thresholds.entries()) {
      const dice = comparable.reduce((sum, fold) => sum + (fold.perClassDiceSum[classIndex]?.[index] ?? 0), 0) / images;
      const nearer = best !== undefined && dice === best.dice && Math.abs(threshold - fallback) < Math.abs(best.threshold - fallback);
      if (best === undefined || dice > best.dice || nearer) best = { threshold, dice };
    }
    return best ?? { threshold: fallback, dice: undefined };
  });
}

/** thresholds.json as text, checked; undefined where it has not that form. */
export function parseThresholdSums(text: string): ThresholdSums | undefined {
  try {
    const { thresholds, perClassDiceSum, images } = JSON.parse(text) as Partial<ThresholdSums>;
    const numbers = (value: unknown): value is number[] => Array.isArray(value) && value.every((entry) => Number.isFinite(entry));
    if (!numbers(thresholds) || !thresholds.every((threshold) => threshold > 0 && threshold < 1) || !Number.isInteger(images))
      return undefined;
    if (!Array.isArray(perClassDiceSum) || !perClassDiceSum.every((row) => numbers(row) && row.length === thresholds.length))
      return undefined;
    return { thresholds, perClassDiceSum, images: Number(images) };
  } catch {
    return undefined;
  }
}
