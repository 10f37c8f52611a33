import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { area, boundingBox } from './measure.ts';
import { bitmapFromMask, emptyMask, type RleMask } from './rle-mask.ts';
import { arbitraryMasks, drawn } from './testing/arbitrary-masks.ts';

describe('area and bounding box', () => {
  it('are those of the bitmap', () => {
    fc.assert(
      fc.property(
        arbitraryMasks(1).map(([runs]) => runs as RleMask),
        (runs) => {
          const inside = [...bitmapFromMask(runs)].flatMap((value, pixel) => (value ? [pixel] : []));
          const columns = inside.map((pixel) => pixel % runs.width);
          const rows = inside.map((pixel) => Math.floor(pixel / runs.width));
          expect(area(runs)).toBe(inside.length);
          expect(boundingBox(runs)).toEqual(
            inside.length === 0
              ? undefined
              : { left: Math.min(...columns), top: Math.min(...rows), right: Math.max(...columns), bottom: Math.max(...rows) },
          );
        },
      ),
    );
  });

  it('reach both sides for a run that goes on into the next row', () => {
    expect(boundingBox(drawn('....', '...#', '#...'))).toEqual({ left: 0, top: 1, right: 3, bottom: 2 });
  });

  it('are 0 and nothing for the empty mask', () => {
    expect(area(emptyMask(3, 3))).toBe(0);
    expect(boundingBox(emptyMask(3, 3))).toBeUndefined();
  });
});
