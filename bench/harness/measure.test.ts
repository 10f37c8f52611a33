import { describe, expect, it } from 'vitest';
import { exactly, HALF_EFFORT, isEnough, measure, measureEach, WHOLE_EFFORT } from './measure.ts';

describe('measure', () => {
  it('does not time the first run, which warms up', async () => {
    let clock = 0;
    let runs = 0;
    const figure = await measure(
      1,
      2,
      () => {
        runs += 1;
        clock += runs === 1 ? 5000 : 100;
      },
      () => clock,
    );
    expect(figure.seconds).toEqual([0.1, 0.1]);
  });
});

describe('measureEach', () => {
  it('does not time the preparation of an input', async () => {
    let clock = 0;
    const prepare = (input: number): number => {
      clock += 5000;
      return input;
    };
    const work = (input: number): void => {
      clock += input;
    };
    const figure = await measureEach(3, 2, [100, 200], { prepare, work }, () => clock);
    expect(figure).toEqual({ seconds: [0.3, 0.3], items: 3 });
  });
});

const times = (count: number, seconds: number): number[] => Array.from({ length: count }, () => seconds);
const fewest = (seconds: number, effort = WHOLE_EFFORT): number => {
  let count = 0;
  while (!isEnough(times(count, seconds), effort)) count += 1;
  return count;
};

describe('isEnough', () => {
  it('requires six seconds and five steps, or only three steps if they are slow', () => {
    expect([0.125, 1, 2, 3].map((seconds) => fewest(seconds))).toEqual([48, 6, 5, 5]);
    expect([3.5, 30].map((seconds) => fewest(seconds))).toEqual([3, 3]);
  });

  it('requires at least as many steps of two processes together as of one', () => {
    for (const seconds of [0.125, 1, 2, 3, 3.5, 30]) expect(2 * fewest(seconds, HALF_EFFORT)).toBeGreaterThanOrEqual(fewest(seconds));
  });

  it('requires an exact number of steps if one is given', () => {
    expect([0.001, 60].map((seconds) => fewest(seconds, exactly(4)))).toEqual([4, 4]);
  });
});
