/** The work of a fold in steps and validations, and the time that these take: given, or measured by an earlier run. */
import type { ExperimentSpec } from '@carpal/configs/schema/experiment.ts';
import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';

/** How many images a fold trains on and is validated on. */
export type FoldImages = { readonly fold: number; readonly train: number; readonly validation: number };

/** How long a training step and the validation of one image take, in milliseconds. */
export type StepTimes = { readonly stepMs: number; readonly validationMsPerImage: number };

export type FoldWork = { readonly steps: number; readonly validations: number; readonly validationImages: number; readonly hours: number };

/** Distributes images over folds as evenly as possible: an estimate for when the data set is not available. */
export function evenFolds(images: number, folds: number): readonly FoldImages[] {
  return Array.from({ length: folds }, (_, fold) => {
    const validation = Math.floor(images / folds) + (fold < images % folds ? 1 : 0);
    return { fold, train: images - validation, validation };
  });
}

/** The work of a fold that does not stop early: an upper bound. A smaller last batch counts as a whole step. */
export function foldWork({ epochs, batchSize, validateEvery }: ExperimentSpec['training'], images: FoldImages, times: StepTimes): FoldWork {
  const steps = epochs * Math.ceil(images.train / batchSize);
  // The last epoch is always validated.
  const validations = Math.floor(epochs / validateEvery) + (epochs % validateEvery === 0 ? 0 : 1);
  const validationImages = validations * images.validation;
  const ms = steps * times.stepMs + validationImages * times.validationMsPerImage;
  return { steps, validations, validationImages, hours: ms / 3_600_000 };
}

/** Validation runs the forward pass only. A training step also runs the backward pass, which takes about twice as long. */
const VALIDATION_SHARE = 1 / 3;

/** An estimate of the validation time per image, for when it was not measured. */
export function estimatedValidationMs(stepMs: number, batchSize: number): number {
  return (stepMs / batchSize) * VALIDATION_SHARE;
}

export type PastFold = { readonly metrics: readonly EpochMetrics[]; readonly batchSize: number };
export type PastStepTimes = StepTimes & { readonly epochs: number; readonly validationIsMeasured: boolean };

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};

/**
 * The step times of an earlier run, from the throughput in its metrics.ndjson: the median over all epochs, for a step of `batchSize`
 * images. Undefined without any epoch. If a fold has several epochs, its first one is ignored, because it compiles, warms caches and reads
 * the data set for the first time. `validationImages` is the number of images in each validation of that run. Without it, or if the run did
 * not validate, the validation time is estimated from the step time.
 */
export function stepTimesFromHistory(folds: readonly PastFold[], batchSize: number, validationImages?: number): PastStepTimes | undefined {
  const epochs = folds.flatMap(({ metrics, batchSize: past }) => {
    const warm = metrics.length > 1 ? metrics.slice(1) : metrics;
    return warm.filter(({ imagesPerSecond }) => imagesPerSecond > 0).map((epoch) => ({ epoch, past }));
  });
  if (epochs.length === 0) return undefined;
  const stepMs = (1000 * batchSize) / median(epochs.map(({ epoch }) => epoch.imagesPerSecond));
  const validations = epochs.flatMap(({ epoch, past }) => {
    if (epoch.dice === null || validationImages === undefined || validationImages === 0) return [];
    const trainingSeconds = ((epoch.step / epoch.epoch) * past) / epoch.imagesPerSecond;
    return [Math.max(0, ((epoch.seconds - trainingSeconds) * 1000) / validationImages)];
  });
  const isMeasured = validations.length > 0;
  const validationMsPerImage = isMeasured ? median(validations) : estimatedValidationMs(stepMs, batchSize);
  return { stepMs, validationMsPerImage, epochs: epochs.length, validationIsMeasured: isMeasured };
}
