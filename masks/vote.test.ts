import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { intersection, union } from './combine.ts';
import { emptyRuns, equalRuns, maskFromRuns, type Runs } from './runs.ts';
import { arbitraryRuns, drawn } from './testing/arbitrary-masks.ts';
import { majority } from './vote.ts';

const ballot = fc.integer({ min: 1, max: 7 }).chain((count) => fc.tuple(arbitraryRuns(count), fc.integer({ min: 1, max: count })));

describe('majority', () => {
  it('holds the pixels that enough bitmaps hold, in the canonical form', () => {
    fc.assert(
      fc.property(ballot, ([masks, minVotes]) => {
        const bitmaps = masks.map(maskFromRuns);
        const result = majority(masks, minVotes);
        const expected = (bitmaps[0] as Uint8Array).map((_, i) =>
          bitmaps.reduce((sum, mask) => sum + (mask[i] as number), 0) >= minVotes ? 1 : 0,
        );
        expect(maskFromRuns(result)).toEqual(expected);
        expect(result.bounds.every((bound, i) => i === 0 || bound > (result.bounds[i - 1] as number))).toBe(true);
      }),
    );
  });

  it('of one vote is the union and of all votes the intersection', () => {
    fc.assert(
      fc.property(arbitraryRuns(3), (masks) => {
        expect(equalRuns(majority(masks, 1), masks.reduce(union))).toBe(true);
        expect(equalRuns(majority(masks, 3), masks.reduce(intersection))).toBe(true);
      }),
    );
  });

  it('does not depend on the order of the masks', () => {
    fc.assert(fc.property(ballot, ([masks, minVotes]) => equalRuns(majority(masks, minVotes), majority([...masks].reverse(), minVotes))));
  });

  it('joins runs that different voters carry on', () => {
    const masks: Runs[] = [drawn('##..'), drawn('..##'), drawn('####')];
    expect([...majority(masks, 2).bounds]).toEqual([0, 4]);
  });

  it.each([0, 4, 1.5, Number.NaN])('refuses %d votes of 3', (minVotes) => {
    expect(() => majority([emptyRuns(2, 2), emptyRuns(2, 2), emptyRuns(2, 2)], minVotes)).toThrow('from 1 to 3');
  });

  it('refuses no masks and masks of different sheets', () => {
    expect(() => majority([], 1)).toThrow('at least one mask');
    expect(() => majority([emptyRuns(2, 2), emptyRuns(2, 3)], 1)).toThrow('2×2 and 2×3');
  });
});
