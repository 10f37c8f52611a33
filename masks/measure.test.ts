import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { area, boundingBox, dice } from './measure.ts';
import { bitmapFromMask, emptyMask, type RleMask } from './rle-mask.ts';
import { arbitraryMasks, drawn } from './testing/arbitrary-masks.ts';

describe('area and boundingBox', () => {
  it('give the same results as on the bitmap', () => {
    fc.assert(
      fc.property(
        arbitraryMasks(1).map(([mask]) => mask as RleMask),
        (mask) => {
          const inside = [...bitmapFromMask(mask)].flatMap((value, pixel) => (value ? [pixel] : []));
          const columns = inside.map((pixel) => pixel % mask.width);
          const rows = inside.map((pixel) => Math.floor(pixel / mask.width));
          expect(area(mask)).toBe(inside.length);
          expect(boundingBox(mask)).toEqual(
            inside.length === 0
              ? undefined
              : { left: Math.min(...columns), top: Math.min(...rows), right: Math.max(...columns), bottom: Math.max(...rows) },
          );
        },
      ),
    );
  });

  it('count both sides of the image for a run that continues in the next row', () => {
    expect(boundingBox(drawn('....', '...#', '#...'))).toEqual({ left: 0, top: 1, right: 3, bottom: 2 });
  });

  it('return 0 and undefined for the empty mask', () => {
    expect(area(emptyMask(3, 3))).toBe(0);
    expect(boundingBox(emptyMask(3, 3))).toBeUndefined();
  });
});

describe('dice', () => {
  it.each([
    ['identical masks', drawn('.##.'), drawn('.##.'), 1],
    ['disjoint masks', drawn('##..'), drawn('..##'), 0],
    ['masks that share half of their pixels', drawn('##..'), drawn('.##.'), 0.5],
    ['a mask and the empty mask', drawn('##..'), emptyMask(4, 1), 0],
    ['two empty masks, which agree', emptyMask(4, 1), emptyMask(4, 1), 1],
  ])('has the expected value for %s', (_, a, b, expected) => {
    expect(dice(a, b)).toBe(expected);
  });

  it('is symmetric, between 0 and 1, and 1 for a mask with itself', () => {
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
