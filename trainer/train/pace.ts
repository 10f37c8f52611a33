/** How fast a fold trains: seconds for a step and for a validation, each a running mean in which old values fade. */
export type Pace = {
  readonly stepSeconds: number | null;
  readonly imagesPerSecond: number | null;
  readonly validationSeconds: number | null;
};

export const PACE_START: Pace = { stepSeconds: null, imagesPerSecond: null, validationSeconds: null };

/** Weight of the newest value: about the last twenty steps count. */
const STEP_SHARE = 0.1;
const VALIDATION_SHARE = 0.5;

const fade = (old: number | null, value: number, share: number): number => (old === null ? value : old + share * (value - old));

/** The pace after a step over `images` images that took `seconds` (with its wait for the batch). */
export function paceAfterStep(pace: Pace, images: number, seconds: number): Pace {
  const stepSeconds = fade(pace.stepSeconds, seconds, STEP_SHARE);
  const imagesPerSecond = seconds > 0 ? fade(pace.imagesPerSecond, images / seconds, STEP_SHARE) : pace.imagesPerSecond;
  return { ...pace, stepSeconds, imagesPerSecond };
}

/** The pace after a validation and the checkpoint behind it. */
export function paceAfterValidation(pace: Pace, seconds: number): Pace {
  return { ...pace, validationSeconds: fade(pace.validationSeconds, seconds, VALIDATION_SHARE) };
}

export type Position = {
  /** The epoch being trained, from 1. */
  readonly epoch: number;
  /** Steps of it already done. */
  readonly step: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  readonly validateEvery: number;
  /** How many validations the masks after the last epoch take, about. */
  readonly outOfFoldValidations: number;
};

/** Whether an epoch ends with a validation: every `validateEvery` epochs, and the last one always, so that there is a best checkpoint. */
export function validates(epoch: number, epochs: number, validateEvery: number): boolean {
  return epoch % validateEvery === 0 || epoch === epochs;
}

/** Seconds until the fold is done if nothing stops early, or null before the first step has been timed. */
export function remainingSeconds(pace: Pace, at: Position): number | null {
  if (pace.stepSeconds === null) return null;
  const steps = Math.max(0, (at.epochs - at.epoch + 1) * at.stepsPerEpoch - at.step);
  const validationsUpTo = (epoch: number): number => Math.floor(epoch / at.validateEvery);
  const left = validationsUpTo(at.epochs) - validationsUpTo(at.epoch - 1) + (at.epochs % at.validateEvery === 0 ? 0 : 1);
  const validations = at.epoch > at.epochs ? 0 : left;
  return steps * pace.stepSeconds + (validations + at.outOfFoldValidations) * (pace.validationSeconds ?? 0);
}

/** Images gone through, of how many, and the seconds that these took. */
export type ImagesDone = { readonly done: number; readonly total: number; readonly seconds: number };

/** The same from within the validation of the epoch at `at`, whose steps are all done. */
export function remainingInValidation(pace: Pace, at: Position, { done, total, seconds }: ImagesDone): number | null {
  const validationSeconds = pace.validationSeconds ?? (seconds * total) / done;
  const remaining = remainingSeconds({ ...pace, validationSeconds }, at);
  return remaining === null ? null : remaining - (validationSeconds * done) / total;
}

/** How fast images are gone through and how long the rest of them will take; nothing where the clock saw no time pass. */
export function paceOfImages({ done, total, seconds }: ImagesDone): { imagesPerSecond?: number; etaSeconds?: number } {
  return seconds > 0 ? { imagesPerSecond: done / seconds, etaSeconds: (Math.max(0, total - done) * seconds) / done } : {};
}
