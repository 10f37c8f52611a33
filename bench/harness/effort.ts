import { medianOf } from './figure.ts';

/** How long one side of a comparison repeats its work: by time, so that quick work is repeated often and slow work seldom. */
export type Effort = {
  /** What the repetitions take together, at least. */
  readonly seconds: number;
  /** The fewest repetitions. */
  readonly repetitions: number;
  /** The fewest where one takes longer than `slowSeconds`. */
  readonly slowRepetitions: number;
  readonly slowSeconds: number;
};

/** Of a side that is measured in one process. */
export const WHOLE_EFFORT: Effort = { seconds: 6, repetitions: 5, slowRepetitions: 3, slowSeconds: 3 };

/** Of the first process of a side that is measured in two, which are pooled; the second repeats its work as often. */
export const HALF_EFFORT: Effort = { seconds: 3, repetitions: 3, slowRepetitions: 2, slowSeconds: 3 };

/** So many repetitions, however long they take. */
export function exactly(repetitions: number): Effort {
  return { seconds: 0, repetitions, slowRepetitions: repetitions, slowSeconds: 0 };
}

/** Whether repetitions that took these seconds are enough. peers/pytorch_step.py decides the same. */
export function isEnough(seconds: readonly number[], effort: Effort): boolean {
  const fewest = medianOf(seconds) > effort.slowSeconds ? effort.slowRepetitions : effort.repetitions;
  return seconds.length >= fewest && seconds.reduce((sum, one) => sum + one, 0) >= effort.seconds;
}
