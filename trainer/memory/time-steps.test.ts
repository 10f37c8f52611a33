import { expect, it } from 'vitest';
import { timeSteps } from './time-steps.ts';

/** What timeSteps makes of batches that take so many seconds each. */
function timed(durations: readonly number[], steps: number, accumulate: number) {
  let nowMs = 0;
  let runs = 0;
  const run = (index: number): void => {
    expect(index).toBe(runs++);
    nowMs += 1000 * (durations[index] ?? Number.NaN);
  };
  return { ...timeSteps(run, { steps, accumulate, now: () => nowMs }), runs };
}

it('takes the median of steps that all move, after the first', () => {
  expect(timed([9, 1, 5, 2], 3, 1)).toEqual({ firstSeconds: 9, stepSeconds: 2, runs: 4 });
  expect(timed([9, 1, 2], 2, 1)).toEqual({ firstSeconds: 9, stepSeconds: 1.5, runs: 3 });
});

it('runs the step that moves where gradients are gathered, and reports the mean over a whole window of the fold', () => {
  expect(timed([9, 8, 1, 3], 1, 2)).toEqual({ firstSeconds: 17, stepSeconds: 2, runs: 4 });
  // Seven batches gather at 1 s, the eighth moves at 3 s.
  expect(timed([9, 8, 1, 3, 1, 3], 3, 8)).toEqual({ firstSeconds: 17, stepSeconds: 1.25, runs: 6 });
});
