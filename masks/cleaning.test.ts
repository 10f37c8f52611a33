import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLEANINGS, type Cleaning, cleaned, cleanedEveryWay } from './cleaning.ts';
import { bitmapFromMask, equalMasks, type RleMask } from './rle-mask.ts';
import { arbitraryMasks, drawing, drawn } from './testing/arbitrary-masks.ts';

describe('cleaned', () => {
  it.each<[Cleaning, string[]]>([
    ['none', ['###..#', '#.#...', '###.##']],
    ['largest', ['###...', '#.#...', '###...']],
    ['fill', ['###..#', '###...', '###.##']],
    ['largest+fill', ['###...', '###...', '###...']],
  ])('by %s', (cleaning, expected) => {
    expect(drawing(bitmapFromMask(cleaned(drawn('###..#', '#.#...', '###.##'), cleaning)), 6)).toEqual(expected);
  });

  it('is the same one way at a time and every way at once, and cleaning twice changes nothing', () => {
    fc.assert(
      fc.property(arbitraryMasks(1), ([runs]) => {
        for (const [index, mask] of cleanedEveryWay(runs as RleMask).entries()) {
          const cleaning = CLEANINGS[index] as Cleaning;
          expect(equalMasks(mask, cleaned(runs as RleMask, cleaning))).toBe(true);
          expect(cleaned(mask, cleaning)).toBe(mask);
        }
      }),
    );
  });

  it('gives a clean mask back as the same object every way', () => {
    const mask = drawn('.##.', '.##.');
    expect(new Set(cleanedEveryWay(mask)).size).toBe(1);
  });
});
