import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { components, largestComponent } from './components.ts';
import { area } from './measure.ts';
import { bitmapFromMask, emptyMask, maskFromBitmap, type RleMask } from './rle-mask.ts';
import { arbitraryBitmaps, arbitraryMasks, type Bitmap, drawing, drawn } from './testing/arbitrary-masks.ts';
import { flooded } from './testing/flood.ts';

const pixelsOf = (mask: RleMask): string => [...bitmapFromMask(mask)].flatMap((value, pixel) => (value ? [pixel] : [])).join();

describe('components', () => {
  it.each([4, 8] as const)(
    'returns the parts that a flood fill with %d neighbours finds, in the order of their first pixels',
    (connectivity) => {
      fc.assert(
        fc.property(arbitraryBitmaps(1), ([bitmap]) => {
          const { pixels, width, height } = bitmap as Bitmap;
          const parts = flooded({ pixels, width, height }, connectivity).map(String);
          expect(components(maskFromBitmap(pixels, width, height), connectivity).map(pixelsOf)).toEqual(parts);
        }),
      );
    },
  );

  it('does not connect the end of a row with the start of the next', () => {
    expect(components(drawn('..##', '#...'))).toHaveLength(2);
  });

  it('connects pixels at a corner only with 8 neighbours', () => {
    expect(components(drawn('#.', '.#'))).toHaveLength(1);
    expect(components(drawn('#.', '.#'), 4)).toHaveLength(2);
  });

  it('connects two arms that meet only further down', () => {
    expect(components(drawn('#.#.#', '#.#.#', '###.#', '....#', '#####'))).toHaveLength(2);
    expect(components(drawn('#...#', '#.#.#', '#.#.#', '#####'))).toHaveLength(1);
  });
});

describe('largestComponent', () => {
  it('keeps the part with the most pixels', () => {
    const largest = largestComponent(drawn('#..##', '#..##', '....#'));
    expect(drawing(bitmapFromMask(largest), 5)).toEqual(['...##', '...##', '....#']);
  });

  it('returns the first of the largest components', () => {
    fc.assert(
      fc.property(arbitraryMasks(1), ([mask]) => {
        const sizes = components(mask as RleMask).map(area);
        const place = sizes.indexOf(Math.max(...sizes));
        expect(pixelsOf(largestComponent(mask as RleMask))).toBe(pixelsOf(components(mask as RleMask)[place] ?? (mask as RleMask)));
      }),
    );
  });

  it('returns the same object for a mask with one part', () => {
    const whole = drawn('.##.', '..##');
    expect(largestComponent(whole)).toBe(whole);
  });

  it('keeps the first of two equally large parts, and returns an empty mask for an empty mask', () => {
    expect(drawing(bitmapFromMask(largestComponent(drawn('#.#'))), 3)).toEqual(['#..']);
    expect(area(largestComponent(emptyMask(4, 4)))).toBe(0);
  });
});
