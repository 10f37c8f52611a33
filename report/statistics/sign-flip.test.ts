import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signFlipProbability } from './sign-flip.ts';

/** The exact p-value for whole numbers: counts how many choices of signs give each total. */
function exactProbability(sums: readonly number[]): number {
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
  it('equals the share of all choices of signs, counted in another way', () => {
    fc.assert(
      fc.property(wholeNumbers(1, 10), (sums) => {
        expect(signFlipProbability(sums)).toBeCloseTo(exactProbability(sums), 12);
      }),
      { numRuns: 60 },
    );
  });

  it('approximates that share if only some choices are tried', () => {
    fc.assert(
      fc.property(wholeNumbers(15, 30), (sums) => {
        expect(Math.abs(signFlipProbability(sums) - exactProbability(sums))).toBeLessThan(0.025);
      }),
      { numRuns: 8 },
    );
  });

  it.each([
    ['no people', [], 1],
    ['no difference', [0, 0, 0], 1],
    ['one person', [0.3], 1],
    ['five people with the same sign', [1, 2, 1, 3, 1], 2 / 32],
    ['five people with a negative sign', [-1, -2, -1, -3, -1], 2 / 32],
    ['two people who cancel out', [0.1, -0.1], 1],
    ['many people with the same sign', Array.from({ length: 40 }, () => 0.01), 1 / 10_000],
    ['many people without a difference', Array.from({ length: 40 }, () => 0), 1],
  ])('is correct for %s', (_, sums, p) => {
    expect(signFlipProbability(sums)).toBeCloseTo(p, 12);
  });
});
