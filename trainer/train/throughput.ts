/** How fast a fold trains, and how long the rest of it will take. */

/** Exponential moving averages. Null before the first measurement. */
export type Throughput = {
  readonly stepSeconds: number | null;
  readonly imagesPerSecond: number | null;
  readonly validationSeconds: number | null;
};

export const INITIAL_THROUGHPUT: Throughput = { stepSeconds: null, imagesPerSecond: null, validationSeconds: null };

/** Weight of the newest value in the average over steps: about the last twenty steps count. */
const STEP_SHARE = 0.1;
const VALIDATION_SHARE = 0.5;

const fade = (old: number | null, value: number, share: number): number => (old === null ? value : old + share * (value - old));

/** The throughput after a step with `images` images that took `seconds`, including the wait for the batch. */
export function throughputAfterStep(throughput: Throughput, images: number, seconds: number): Throughput {
  const stepSeconds = fade(throughput.stepSeconds, seconds, STEP_SHARE);
  const imagesPerSecond = seconds > 0 ? fade(throughput.imagesPerSecond, images / seconds, STEP_SHARE) : throughput.imagesPerSecond;
  return { ...throughput, stepSeconds, imagesPerSecond };
}

/** The throughput after a validation that took `seconds`. */
export function throughputAfterValidation(throughput: Throughput, seconds: number): Throughput {
  return { ...throughput, validationSeconds: fade(throughput.validationSeconds, seconds, VALIDATION_SHARE) };
}

/** A position in the training of a fold. */
export type Position = {
  /** The current epoch, from 1. */
  readonly epoch: number;
  /** Finished steps of this epoch. */
  readonly step: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly validateEvery: number;
  /** How long the out-of-fold masks after the last epoch take, as an approximate number of validations. */
  readonly outOfFoldValidations: number;
};

/** Whether an epoch ends with a validation: every `validateEvery` epochs, and always the last epoch, so that a best checkpoint exists. */
export function validates(epoch: number, epochs: number, validateEvery: number): boolean {
  return epoch % validateEvery === 0 || epoch === epochs;
}

/** Seconds until the fold is done if it does not stop early. Null before the first step. */
export function remainingSeconds(throughput: Throughput, at: Position): number | null {
  if (throughput.stepSeconds === null) return null;
  const steps = Math.max(0, (at.epochs - at.epoch + 1) * at.stepsPerEpoch - at.step);
  const validationsUpTo = (epoch: number): number => Math.floor(epoch / at.validateEvery);
  const left = validationsUpTo(at.epochs) - validationsUpTo(at.epoch - 1) + (at.epochs % at.validateEvery === 0 ? 0 : 1);
  const validations = at.epoch > at.epochs ? 0 : left;
  return steps * throughput.stepSeconds + (validations + at.outOfFoldValidations) * (throughput.validationSeconds ?? 0);
}

/** Finished images, their total number, and the seconds spent on the finished ones. */
export type ImagesDone = { readonly done: number; readonly total: number; readonly seconds: number };

/** Seconds until the fold is done, during the validation of the epoch at `at`, whose steps are all done. Null before the first step. */
export function remainingInValidation(throughput: Throughput, at: Position, { done, total, seconds }: ImagesDone): number | null {
  const validationSeconds = throughput.validationSeconds ?? (seconds * total) / done;
  const remaining = remainingSeconds({ ...throughput, validationSeconds }, at);
  return remaining === null ? null : remaining - (validationSeconds * done) / total;
}

/** Throughput and remaining time of work that is done image by image. Empty if no time has passed yet. */
export function imageThroughput({ done, total, seconds }: ImagesDone): { imagesPerSecond?: number; etaSeconds?: number } {
  return seconds > 0 ? { imagesPerSecond: done / seconds, etaSeconds: (Math.max(0, total - done) * seconds) / done } : {};
}
