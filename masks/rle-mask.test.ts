import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MaskError } from './mask-error.ts';
import { bitmapFromMask, emptyMask, equalMasks, maskFromBitmap } from './rle-mask.ts';
import { arbitraryBitmaps } from './testing/arbitrary-masks.ts';

describe('an RLE mask', () => {
  it('converts to a bitmap and back without a change', () => {
    fc.assert(
      fc.property(arbitraryBitmaps(1, 40), ([bitmap]) => {
        const { pixels, width, height } = bitmap as NonNullable<typeof bitmap>;
        expect(bitmapFromMask(maskFromBitmap(pixels, width, height))).toEqual(pixels);
      }),
    );
  });

  it('has one canonical form: sorted, without empty or touching runs', () => {
    fc.assert(
      fc.property(arbitraryBitmaps(1), ([bitmap]) => {
        const { pixels, width, height } = bitmap as NonNullable<typeof bitmap>;
        const { bounds } = maskFromBitmap(pixels, width, height);
        expect(bounds.every((bound, i) => i === 0 || bound > (bounds[i - 1] as number))).toBe(true);
      }),
    );
  });

  it('contains the pixels of every byte except 0, at any offset of the bitmap in its buffer', () => {
    const bytes = fc.array(fc.constantFrom(0, 0, 0, 1, 127, 128, 255), { minLength: 1, maxLength: 90 });
    fc.assert(
      fc.property(bytes, fc.integer({ min: 0, max: 7 }), (values, offset) => {
        const pixels = new Uint8Array(values.length + offset + 5).fill(255).subarray(offset, offset + values.length);
        pixels.set(values);
        const expected = Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
        expect(bitmapFromMask(maskFromBitmap(pixels, values.length, 1))).toEqual(expected);
      }),
    );
  });

  it('joins runs at the end of a row and the start of the next', () => {
    expect([...maskFromBitmap(Uint8Array.of(0, 1, 1, 1, 0, 0), 3, 2).bounds]).toEqual([1, 4]);
  });

  it('equals another mask only if the image size is the same', () => {
    expect(equalMasks(emptyMask(2, 3), emptyMask(2, 3))).toBe(true);
    expect(equalMasks(emptyMask(2, 3), emptyMask(3, 2))).toBe(false);
    expect(equalMasks(maskFromBitmap(Uint8Array.of(1, 0), 2, 1), maskFromBitmap(Uint8Array.of(0, 1), 2, 1))).toBe(false);
  });

  it.each([
    [0, 5],
    [5, -1],
    [1.5, 2],
    [Number.NaN, 2],
    [65_536, 1],
  ])('refuses an image of %d × %d', (width, height) => {
    expect(() => emptyMask(width, height)).toThrow(MaskError);
  });

  it('refuses a bitmap of another length', () => {
    expect(() => maskFromBitmap(new Uint8Array(5), 2, 3)).toThrow('A 2×3 bitmap has 6 bytes, not 5.');
  });
});
