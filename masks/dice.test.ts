import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dice } from './dice.ts';
import { emptyMask, type RleMask } from './rle-mask.ts';
import { arbitraryMasks, drawn } from './testing/arbitrary-masks.ts';

describe('dice', () => {
  it.each([
    ['masks that agree', drawn('.##.'), drawn('.##.'), 1],
    ['masks that share nothing', drawn('##..'), drawn('..##'), 0],
    ['masks that share half', drawn('##..'), drawn('.##.'), 0.5],
    ['a mask and the empty mask', drawn('##..'), emptyMask(4, 1), 0],
    ['two empty masks, which agree', emptyMask(4, 1), emptyMask(4, 1), 1],
  ])('of %s', (_, a, b, expected) => {
    expect(dice(a, b)).toBe(expected);
  });

  it('is the same both ways round, from 0 to 1, and 1 with itself', () => {
    fc.assert(
      fc.property(
        arbitraryMasks(2).map((masks) => masks as [RleMask, RleMask]),
        ([a, b]) => {
          expect(dice(a, b)).toBe(dice(b, a));
          expect(dice(a, b)).toBeGreaterThanOrEqual(0);
          expect(dice(a, b)).toBeLessThanOrEqual(1);
          expect(dice(a, a)).toBe(1);
        },
      ),
    );
  });
});
