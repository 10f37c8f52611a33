import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitmapFromMask, type RleMask } from './rle-mask.ts';
import { arbitraryMasks } from './testing/arbitrary-masks.ts';
import { transpose } from './transpose.ts';

describe('transpose', () => {
  it('exchanges rows and columns of the bitmap, and twice gives the mask back', () => {
    fc.assert(
      fc.property(arbitraryMasks(1), ([first]) => {
        const runs = first as RleMask;
        const mask = bitmapFromMask(runs);
        const transposed = transpose(runs);
        const expected = mask.map((_, i) => mask[(i % runs.height) * runs.width + Math.floor(i / runs.height)] as number);
        expect(bitmapFromMask(transposed)).toEqual(expected);
        expect(transpose(transposed)).toEqual(runs);
      }),
    );
  });
});
