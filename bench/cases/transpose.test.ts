import { bitmapFromMask, type RleMask } from '@carpal/masks/rle-mask.ts';
import { arbitraryMasks } from '@carpal/masks/testing/arbitrary-masks.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { transpose } from './transpose.ts';

describe('transpose', () => {
  it('exchanges rows and columns of the bitmap, and returns the original mask if applied twice', () => {
    fc.assert(
      fc.property(arbitraryMasks(1), ([first]) => {
        const mask = first as RleMask;
        const bitmap = bitmapFromMask(mask);
        const transposed = transpose(mask);
        const expected = bitmap.map((_, i) => bitmap[(i % mask.height) * mask.width + Math.floor(i / mask.height)] as number);
        expect(bitmapFromMask(transposed)).toEqual(expected);
        expect(transpose(transposed)).toEqual(mask);
      }),
    );
  });
});
