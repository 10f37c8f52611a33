import { expect, it } from 'vitest';
import { timeSteps } from './measure-steps.ts';

/** The result of timeSteps for batches with the given durations in seconds. */
function timed(durations: readonly number[], steps: number, accumulate: number) {
  let nowMs = 0;
  let runs = 0;
  const run = (index: number): void => {
    expect(index).toBe(runs++);
    nowMs += 1000 * (durations[index] ?? Number.NaN);
  };
  return { ...timeSteps(run, { steps, accumulate, now: () => nowMs }), runs };
}

it('timeSteps returns the median of the steps after the first if every step updates the weights', () => {
  expect(timed([9, 1, 5, 2], 3, 1)).toEqual({ firstSeconds: 9, stepSeconds: 2, runs: 4 });
  expect(timed([9, 1, 2], 2, 1)).toEqual({ firstSeconds: 9, stepSeconds: 1.5, runs: 3 });
});

it('timeSteps includes a step that updates the weights, and returns the mean per batch of an accumulation window', () => {
  expect(timed([9, 8, 1, 3], 1, 2)).toEqual({ firstSeconds: 17, stepSeconds: 2, runs: 4 });
  // Seven batches accumulate in 1 s each, the eighth updates in 3 s.
  expect(timed([9, 8, 1, 3, 1, 3], 3, 8)).toEqual({ firstSeconds: 17, stepSeconds: 1.25, runs: 6 });
});
