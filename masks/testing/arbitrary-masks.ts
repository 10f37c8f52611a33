import fc from 'fast-check';
import { maskFromBitmap, type RleMask } from '../rle-mask.ts';

/** A bitmap of 0 and 1. */
export type Bitmap = { readonly width: number; readonly height: number; readonly pixels: Uint8Array };

/**
 * `count` bitmaps of one size, at most `longest` × `longest`. They are made of stretches, so they include long runs, runs across row ends,
 * and empty and full images.
 */
export function arbitraryBitmaps(count: number, longest = 14): fc.Arbitrary<Bitmap[]> {
  const side = fc.integer({ min: 1, max: longest });
  return fc.tuple(side, side).chain(([width, height]) => {
    const stretches = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 * width }), fc.integer({ min: 0, max: 2 * width })), { maxLength: 24 });
    const bitmap = stretches.map((pairs) => {
      const pixels = new Uint8Array(width * height);
      let at = 0;
      for (const [gap, length] of pairs) {
        pixels.fill(1, at + gap, at + gap + length);
        at += gap + length;
      }
      return { width, height, pixels };
    });
    return fc.array(bitmap, { minLength: count, maxLength: count });
  });
}

/** `count` masks of one image size. */
export function arbitraryMasks(count: number, longest = 14): fc.Arbitrary<RleMask[]> {
  return arbitraryBitmaps(count, longest).map((bitmaps) =>
    bitmaps.map(({ pixels, width, height }) => maskFromBitmap(pixels, width, height)),
  );
}

/** The mask of a drawing: one string per row, '#' inside. */
export function drawn(...rows: readonly string[]): RleMask {
  const pixels = Uint8Array.from(rows.join(''), (character) => (character === '#' ? 1 : 0));
  return maskFromBitmap(pixels, rows[0]?.length ?? 0, rows.length);
}

/** The drawing of a bitmap, for comparisons in tests. */
export function drawing(pixels: Uint8Array, width: number): string[] {
  const rows: string[] = [];
  for (let at = 0; at < pixels.length; at += width)
    rows.push(Array.from(pixels.subarray(at, at + width), (value) => (value ? '#' : '.')).join(''));
  return rows;
}
