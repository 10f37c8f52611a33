import { describe, expect, it } from 'vitest';
import { exactly, HALF_EFFORT, isEnough, WHOLE_EFFORT } from './effort.ts';

const times = (count: number, seconds: number): number[] => Array.from({ length: count }, () => seconds);
const fewest = (seconds: number, effort = WHOLE_EFFORT): number => {
  let count = 0;
  while (!isEnough(times(count, seconds), effort)) count += 1;
  return count;
};

describe('repetitions', () => {
  it('go on for six seconds, for five steps at the least, and for three of slow ones', () => {
    expect([0.125, 1, 2, 3].map((seconds) => fewest(seconds))).toEqual([48, 6, 5, 5]);
    expect([3.5, 30].map((seconds) => fewest(seconds))).toEqual([3, 3]);
  });

  it('of two processes are together no fewer than those of one', () => {
    for (const seconds of [0.125, 1, 2, 3, 3.5, 30]) expect(2 * fewest(seconds, HALF_EFFORT)).toBeGreaterThanOrEqual(fewest(seconds));
  });

  it('are as many as were asked for where a number is', () => {
    expect([0.001, 60].map((seconds) => fewest(seconds, exactly(4)))).toEqual([4, 4]);
  });
});
