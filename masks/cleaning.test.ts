import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLEANINGS, type Cleaning, cleaned, cleanedEveryWay, fillHoles } from './cleaning.ts';
import { difference, intersectionArea } from './combine.ts';
import { area } from './measure.ts';
import { bitmapFromMask, emptyMask, equalMasks, maskFromBitmap, type RleMask } from './rle-mask.ts';
import { arbitraryBitmaps, arbitraryMasks, type Bitmap, drawing, drawn } from './testing/arbitrary-masks.ts';
import { floodFilled } from './testing/flood.ts';

describe('cleaned', () => {
  it.each<[Cleaning, string[]]>([
    ['none', ['###..#', '#.#...', '###.##']],
    ['largest', ['###...', '#.#...', '###...']],
    ['fill', ['###..#', '###...', '###.##']],
    ['largest+fill', ['###...', '###...', '###...']],
  ])('removes the parts and holes that the cleaning "%s" covers', (cleaning, expected) => {
    expect(drawing(bitmapFromMask(cleaned(drawn('###..#', '#.#...', '###.##'), cleaning)), 6)).toEqual(expected);
  });

  it('returns the same masks as cleanedEveryWay, and cleaning twice changes nothing', () => {
    fc.assert(
      fc.property(arbitraryMasks(1), ([first]) => {
        const mask = first as RleMask;
        for (const [index, result] of cleanedEveryWay(mask).entries()) {
          const cleaning = CLEANINGS[index] as Cleaning;
          expect(equalMasks(result, cleaned(mask, cleaning))).toBe(true);
          expect(cleaned(result, cleaning)).toBe(result);
        }
      }),
    );
  });

  it('returns the same object for a clean mask with every cleaning', () => {
    const mask = drawn('.##.', '.##.');
    expect(new Set(cleanedEveryWay(mask)).size).toBe(1);
  });
});

/** Random rings, dots and gaps: many holes, unlike the stretches of arbitraryBitmaps. */
const speckled: fc.Arbitrary<Bitmap> = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 9 }))
  .chain(([width, height, tenths]) =>
    fc
      .array(fc.integer({ min: 0, max: 9 }), { minLength: width * height, maxLength: width * height })
      .map((values) => ({ width, height, pixels: Uint8Array.from(values, (value) => (value < tenths ? 1 : 0)) })),
  );

const anyBitmap = fc.oneof(
  speckled,
  arbitraryBitmaps(1).map((bitmaps) => bitmaps[0] as Bitmap),
);

describe('fillHoles', () => {
  it('fills the pixels that a flood of the background from the border does not reach, in canonical form', () => {
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        const { width, height, pixels } = bitmap;
        const filled = fillHoles(maskFromBitmap(pixels, width, height));
        expect(bitmapFromMask(filled)).toEqual(floodFilled(bitmap));
        expect(equalMasks(filled, maskFromBitmap(floodFilled(bitmap), width, height))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps every pixel, and changes nothing the second time', () => {
    fc.assert(
      fc.property(arbitraryMasks(1), ([first]) => {
        const mask = first as RleMask;
        const filled = fillHoles(mask);
        expect(intersectionArea(mask, filled)).toBe(area(mask));
        expect(fillHoles(filled)).toBe(filled);
      }),
    );
  });

  it.each<[string, string[], string[]]>([
    ['a ring', ['###', '#.#', '###'], ['###', '###', '###']],
    ['a hole that is closed only by corners', ['.#.', '#.#', '.#.'], ['.#.', '###', '.#.']],
    ['an island in a hole', ['#####', '#...#', '#.#.#', '#...#', '#####'], ['#####', '#####', '#####', '#####', '#####']],
  ])('fills %s', (_, before, after) => {
    expect(drawing(bitmapFromMask(fillHoles(drawn(...before))), after[0]?.length ?? 0)).toEqual(after);
  });

  it.each<[string, string[]]>([
    ['a bay', ['###', '#..', '###']],
    ['a gap that reaches the top border', ['#.#', '#.#', '###']],
    ['a gap that reaches the border around a corner', ['####', '#..#', '##.#', '##.#']],
    ['the background at the end of a row and the start of the next', ['####', '###.', '.###', '####']],
  ])('does not fill %s, and returns the same object', (_, rows) => {
    const mask = drawn(...rows);
    expect(fillHoles(mask)).toBe(mask);
  });

  it('accepts an empty image, a full one and one with a single row', () => {
    expect(area(fillHoles(emptyMask(5, 4)))).toBe(0);
    expect(area(fillHoles(drawn('##', '##')))).toBe(4);
    expect(area(difference(fillHoles(drawn('#.#.#')), drawn('#.#.#')))).toBe(0);
  });
});
