/** How work is timed, and how often it is repeated. */
import { type Figure, medianOf } from './figure.ts';

/** Times `work` `repetitions` times, after one warm-up run. `now` returns milliseconds. */
export async function measure(
  items: number,
  repetitions: number,
  work: () => unknown,
  now: () => number = () => performance.now(),
): Promise<Figure> {
  await work();
  const seconds: number[] = [];
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const start = now();
    await work();
    seconds.push((now() - start) / 1000);
  }
  return { seconds, items };
}

/** Work on several inputs. Only `work` is timed. */
type EachWork<Input, Prepared> = { readonly prepare: (input: Input) => Prepared; readonly work: (prepared: Prepared) => unknown };

/**
 * Times `work` on all inputs together, `repetitions` times after one warm-up repetition. The result of `prepare` is kept only until the
 * work on that input is done.
 */
export async function measureEach<Input, Prepared>(
  items: number,
  repetitions: number,
  inputs: readonly Input[],
  { prepare, work }: EachWork<Input, Prepared>,
  now: () => number = () => performance.now(),
): Promise<Figure> {
  const seconds: number[] = [];
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    let spentMs = 0;
    for (const input of inputs) {
      const prepared = prepare(input);
      const start = now();
      await work(prepared);
      spentMs += now() - start;
    }
    if (repetition > 0) seconds.push(spentMs / 1000);
  }
  return { seconds, items };
}

/** How long one side of a comparison repeats its work. The limit is a time, so that fast work is repeated more often than slow work. */
export type Effort = {
  /** The minimum total time of the repetitions. */
  readonly seconds: number;
  /** The minimum number of repetitions. */
  readonly repetitions: number;
  /** The minimum number of repetitions if one takes longer than `slowSeconds`. */
  readonly slowRepetitions: number;
  readonly slowSeconds: number;
};

/** For a side that is measured in one process. */
export const WHOLE_EFFORT: Effort = { seconds: 6, repetitions: 5, slowRepetitions: 3, slowSeconds: 3 };

/** For the first process of a side that is measured in two. The second process makes the same number of repetitions. */
export const HALF_EFFORT: Effort = { seconds: 3, repetitions: 3, slowRepetitions: 2, slowSeconds: 3 };

/** This number of repetitions, however long they take. */
export function exactly(repetitions: number): Effort {
  return { seconds: 0, repetitions, slowRepetitions: repetitions, slowSeconds: 0 };
}

/** Whether repetitions that took these seconds are enough. pytorch_step.py applies the same rule. */
export function isEnough(seconds: readonly number[], effort: Effort): boolean {
  const fewest = medianOf(seconds) > effort.slowSeconds ? effort.slowRepetitions : effort.repetitions;
  return seconds.length >= fewest && seconds.reduce((sum, one) => sum + one, 0) >= effort.seconds;
}
