import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signFlipProbability } from './sign-flip.ts';

/** By counting, for whole numbers: how many choices of signs reach each total. */
function exactly(sums: readonly number[]): number {
  let totals = new Map([[0, 1]]);
  for (const sum of sums) {
    const next = new Map<number, number>();
    for (const [total, ways] of totals) {
      for (const to of [total + sum, total - sum]) next.set(to, (next.get(to) ?? 0) + ways);
    }
    totals = next;
  }
  const seen = Math.abs(sums.reduce((all, sum) => all + sum, 0));
  return [...totals].reduce((far, [total, ways]) => far + (Math.abs(total) >= seen ? ways : 0), 0) / 2 ** sums.length;
}

const wholeNumbers = (least: number, most: number) => fc.array(fc.integer({ min: -20, max: 20 }), { minLength: least, maxLength: most });

describe('signFlipProbability', () => {
  it('is the share of all choices of signs, counted another way', () => {
    fc.assert(
      fc.property(wholeNumbers(1, 10), (sums) => {
        expect(signFlipProbability(sums)).toBeCloseTo(exactly(sums), 12);
      }),
      { numRuns: 60 },
    );
  });

  it('is near that share where only some are tried', () => {
    fc.assert(
      fc.property(wholeNumbers(15, 30), (sums) => {
        expect(Math.abs(signFlipProbability(sums) - exactly(sums))).toBeLessThan(0.025);
      }),
      { numRuns: 8 },
    );
  });

  it.each([
    ['nobody', [], 1],
    ['no difference', [0, 0, 0], 1],
    ['one person', [0.3], 1],
    ['five people who agree', [1, 2, 1, 3, 1], 2 / 32],
    ['five people who agree that it is worse', [-1, -2, -1, -3, -1], 2 / 32],
    ['two who cancel out', [0.1, -0.1], 1],
    ['people by many, all alike', Array.from({ length: 40 }, () => 0.01), 1 / 10_000],
    ['no difference in many', Array.from({ length: 40 }, () => 0), 1],
  ])('of %s is right', (_, sums, p) => {
    expect(signFlipProbability(sums)).toBeCloseTo(p, 12);
  });
});
