import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { intersection, union } from './combine.ts';
import { bitmapFromMask, emptyMask, equalMasks, type RleMask } from './rle-mask.ts';
import { arbitraryMasks, drawn } from './testing/arbitrary-masks.ts';
import { majority, weightedMajority } from './vote.ts';

const ballot = fc.integer({ min: 1, max: 7 }).chain((count) => fc.tuple(arbitraryMasks(count), fc.integer({ min: 1, max: count })));

describe('majority', () => {
  it('contains the pixels that enough bitmaps contain, in canonical form', () => {
    fc.assert(
      fc.property(ballot, ([masks, minVotes]) => {
        const bitmaps = masks.map(bitmapFromMask);
        const result = majority(masks, minVotes);
        const expected = (bitmaps[0] as Uint8Array).map((_, i) =>
          bitmaps.reduce((sum, bitmap) => sum + (bitmap[i] as number), 0) >= minVotes ? 1 : 0,
        );
        expect(bitmapFromMask(result)).toEqual(expected);
        expect(result.bounds.every((bound, i) => i === 0 || bound > (result.bounds[i - 1] as number))).toBe(true);
      }),
    );
  });

  it('is the union for one vote and the intersection for all votes', () => {
    fc.assert(
      fc.property(arbitraryMasks(3), (masks) => {
        expect(equalMasks(majority(masks, 1), masks.reduce(union))).toBe(true);
        expect(equalMasks(majority(masks, 3), masks.reduce(intersection))).toBe(true);
      }),
    );
  });

  it('does not depend on the order of the masks', () => {
    fc.assert(fc.property(ballot, ([masks, minVotes]) => equalMasks(majority(masks, minVotes), majority([...masks].reverse(), minVotes))));
  });

  it('joins a run at which the voting masks change', () => {
    const masks: RleMask[] = [drawn('##..'), drawn('..##'), drawn('####')];
    expect([...majority(masks, 2).bounds]).toEqual([0, 4]);
  });

  it.each([0, 4, 1.5, Number.NaN])('refuses %d votes of 3', (minVotes) => {
    expect(() => majority([emptyMask(2, 2), emptyMask(2, 2), emptyMask(2, 2)], minVotes)).toThrow('from 1 to 3');
  });

  it('refuses an empty list of masks, and masks of different image sizes', () => {
    expect(() => majority([], 1)).toThrow('at least one mask');
    expect(() => majority([emptyMask(2, 2), emptyMask(2, 3)], 1)).toThrow('2×2 and 2×3');
  });
});

describe('weightedMajority', () => {
  it('equals the majority of more than half of the masks if all weights are equal', () => {
    fc.assert(
      fc.property(ballot, fc.double({ min: 1e-6, max: 1e6, noNaN: true }), ([masks], weight) => {
        const most = majority(masks, Math.floor(masks.length / 2) + 1);
        const weights = masks.map(() => weight);
        expect(equalMasks(weightedMajority(masks, weights), most)).toBe(true);
      }),
    );
  });

  it('counts a mask of weight n like n masks', () => {
    const weighted = fc
      .integer({ min: 1, max: 5 })
      .chain((count) => fc.tuple(arbitraryMasks(count), fc.array(fc.integer({ min: 1, max: 6 }), { minLength: count, maxLength: count })));
    fc.assert(
      fc.property(weighted, ([masks, weights]) => {
        const repeated = masks.flatMap((mask, index) => Array.from({ length: weights[index] as number }, () => mask));
        expect(equalMasks(weightedMajority(masks, weights), majority(repeated, Math.floor(repeated.length / 2) + 1))).toBe(true);
      }),
    );
  });

  it('detects a tie although decimal fractions do not add up exactly', () => {
    const masks = [drawn('##..'), drawn('##..'), drawn('..##')];
    expect([...weightedMajority(masks, [0.1, 0.2, 0.3]).bounds]).toEqual([]);
    expect([...weightedMajority(masks, [0.1, 0.2, 0.31]).bounds]).toEqual([2, 4]);
  });

  it.each([[[1]], [[1, 0]], [[1, -1]], [[1, Number.NaN]], [[1, Number.POSITIVE_INFINITY]]])(
    'refuses the weights %j for two masks',
    (weights) => {
      expect(() => weightedMajority([emptyMask(2, 2), emptyMask(2, 2)], weights)).toThrow('needs one finite weight above 0 per mask');
    },
  );

  it('refuses an empty list of masks, and masks of different image sizes', () => {
    expect(() => weightedMajority([], [])).toThrow('at least one mask');
    expect(() => weightedMajority([emptyMask(2, 2), emptyMask(2, 3)], [1, 1])).toThrow('2×2 and 2×3');
  });
});
