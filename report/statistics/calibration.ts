import { CALIBRATION_LEVELS, type CalibrationCounts } from '@carpal/artifacts/figures.ts';

const BINS = 10;

/** The pixels whose probability is in one of ten equal intervals between 0 and 1. */
export type ReliabilityBin = {
  readonly pixels: number;
  /** The mean probability of these pixels. */
  readonly predicted: number;
  /** The fraction of these pixels that belong to the bone. */
  readonly observed: number;
};

export type Calibration = {
  /** In ascending order of probability; bins without pixels are omitted. */
  readonly bins: readonly ReliabilityBin[];
  /** Expected calibration error: the mean distance between predicted and observed, weighted by pixels. */
  readonly error: number;
  /** Mean predicted minus mean observed: above 0 the network is overconfident. */
  readonly bias: number;
};

/** The sum of the counts of folds. Undefined without folds or if they have different classes. */
export function addCalibrations(folds: readonly CalibrationCounts[]): CalibrationCounts | undefined {
  const classes = folds[0]?.pixels.length;
  if (classes === undefined || folds.some(({ pixels }) => pixels.length !== classes)) return undefined;
  const sum = (rowsOf: (fold: CalibrationCounts) => readonly ArrayLike<number>[]): number[][] =>
    Array.from({ length: classes }, (_, index) => addRows(folds.map((fold) => rowsOf(fold)[index] ?? [])));
  return {
    images: folds.reduce((images, fold) => images + fold.images, 0),
    pixels: sum(({ pixels }) => pixels),
    truePixels: sum(({ truePixels }) => truePixels),
  };
}

function addRows(rows: readonly ArrayLike<number>[]): number[] {
  return Array.from({ length: CALIBRATION_LEVELS }, (_, level) => rows.reduce((sum, row) => sum + (row[level] ?? 0), 0));
}

/**
 * The calibration of some classes together, in ten bins of equal width. Pixels of level 0 (below 0.2 %) are excluded: they are nearly all
 * pixels of every image and would make any network look calibrated. Undefined without pixels. Source: Guo and others, "On Calibration of
 * Modern Neural Networks", ICML 2017, section 2.
 */
export function calibrationOf({ pixels, truePixels }: CalibrationCounts, classIndexes: readonly number[]): Calibration | undefined {
  const counts = addRows(classIndexes.map((index) => pixels[index] ?? []));
  const hits = addRows(classIndexes.map((index) => truePixels[index] ?? []));
  const sums = Array.from({ length: BINS }, () => ({ pixels: 0, predicted: 0, observed: 0 }));
  for (let level = 1; level < CALIBRATION_LEVELS; level++) {
    const probability = level / (CALIBRATION_LEVELS - 1);
    const sum = sums[Math.min(BINS - 1, Math.floor(probability * BINS))];
    if (!sum) continue;
    const count = counts[level] ?? 0;
    sum.pixels += count;
    sum.predicted += count * probability;
    sum.observed += hits[level] ?? 0;
  }
  const total = sums.reduce((all, bin) => all + bin.pixels, 0);
  if (total === 0) return undefined;
  const bins = sums
    .filter((bin) => bin.pixels > 0)
    .map((bin) => ({ pixels: bin.pixels, predicted: bin.predicted / bin.pixels, observed: bin.observed / bin.pixels }));
  const error = bins.reduce((sum, bin) => sum + bin.pixels * Math.abs(bin.predicted - bin.observed), 0) / total;
  const bias = bins.reduce((sum, bin) => sum + bin.pixels * (bin.predicted - bin.observed), 0) / total;
  return { bins, error, bias };
}
