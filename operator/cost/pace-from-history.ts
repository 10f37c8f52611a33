/** The pace of a run that was, from its metrics.ndjson. */
import type { EpochMetrics } from '@carpal/configs/schema/progress.ts';
import type { StepPace } from './fold-work.ts';

export type PastFold = { readonly metrics: readonly EpochMetrics[]; readonly batchSize: number };
export type PastPace = StepPace & { readonly epochs: number; readonly validationIsMeasured: boolean };

/** Validation runs the network forwards only; a training step runs it forwards and, at about twice that, backwards. */
export const VALIDATION_SHARE = 1 / 3;

/** What the validation of an image takes where nobody has measured it. */
export function guessedValidationMs(stepMs: number, batchSize: number): number {
  return (stepMs / batchSize) * VALIDATION_SHARE;
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};

/**
 * The median over all epochs, for a step of `batchSize` images. A fold's first epoch is left out where there are others: it compiles, warms
 * caches and reads the data set for the first time. Undefined where there is no epoch. `validationImages` is how many images a validation of
 * the run saw; without it, or where nothing was validated, the time of a validation is derived from the step's.
 */
export function paceFromHistory(folds: readonly PastFold[], batchSize: number, validationImages?: number): PastPace | undefined {
  const epochs = folds.flatMap(({ metrics, batchSize: past }) => {
    const settled = metrics.length > 1 ? metrics.slice(1) : metrics;
    return settled.filter(({ imagesPerSecond }) => imagesPerSecond > 0).map((epoch) => ({ epoch, past }));
  });
  if (epochs.length === 0) return undefined;
  const stepMs = (1000 * batchSize) / median(epochs.map(({ epoch }) => epoch.imagesPerSecond));
  const validations = epochs.flatMap(({ epoch, past }) => {
    if (epoch.dice === null || validationImages === undefined || validationImages === 0) return [];
    const trainingSeconds = ((epoch.step / epoch.epoch) * past) / epoch.imagesPerSecond;
    return [Math.max(0, ((epoch.seconds - trainingSeconds) * 1000) / validationImages)];
  });
  const isMeasured = validations.length > 0;
  const validationMsPerImage = isMeasured ? median(validations) : guessedValidationMs(stepMs, batchSize);
  return { stepMs, validationMsPerImage, epochs: epochs.length, validationIsMeasured: isMeasured };
}
