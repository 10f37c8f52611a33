import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MaskError } from './mask-error.ts';
import { emptyMask, equalMasks, maskFromBitmap, type RleMask } from './rle-mask.ts';
import { formatRle, parseRle } from './rle-text.ts';
import { arbitraryMasks } from './testing/arbitrary-masks.ts';

/** The error of reading the text for an image of 4 × 3 pixels. */
function errorOf(text: string): MaskError {
  try {
    parseRle(text, 4, 3);
  } catch (error) {
    if (error instanceof MaskError) return error;
    throw error;
  }
  throw new Error('The text was read without an error.');
}

describe('the RLE text of a submission', () => {
  it('is read back as the mask that was written', () => {
    fc.assert(
      fc.property(arbitraryMasks(1, 40), ([mask]) => {
        const { width, height } = mask as RleMask;
        expect(equalMasks(parseRle(formatRle(mask as RleMask), width, height), mask as RleMask)).toBe(true);
      }),
    );
  });

  it('counts pixels row by row from 1', () => {
    expect(formatRle(maskFromBitmap(Uint8Array.of(1, 0, 0, 1, 1, 0), 3, 2))).toBe('1 1 4 2');
    expect([...parseRle('1814994 8 1817040 13', 2048, 2048).bounds]).toEqual([1_814_993, 1_815_001, 1_817_039, 1_817_052]);
  });

  it('is empty for the empty mask', () => {
    expect(formatRle(emptyMask(4, 3))).toBe('');
    expect(parseRle('', 4, 3).bounds).toHaveLength(0);
    expect(parseRle('   ', 4, 3).bounds).toHaveLength(0);
  });

  it('can contain the last pixel of the largest image', () => {
    const mask: RleMask = { width: 65_535, height: 65_535, bounds: Uint32Array.of(9, 4_294_836_225) };
    expect(formatRle(mask)).toBe('10 4294836216');
    expect([...parseRle('10 4294836216', 65_535, 65_535).bounds]).toEqual([9, 4_294_836_225]);
  });

  it('may have extra spaces, and runs that touch, which are joined', () => {
    expect([...parseRle('  1 2   3 2 ', 4, 3).bounds]).toEqual([0, 4]);
    expect([...parseRle('2 3 5 4 10 1', 4, 3).bounds]).toEqual([1, 8, 9, 10]);
  });

  it('can contain many runs', () => {
    const chequers = maskFromBitmap(
      Uint8Array.from({ length: 200 * 201 }, (_, i) => i & 1),
      200,
      201,
    );
    expect(equalMasks(parseRle(formatRle(chequers), 200, 201), chequers)).toBe(true);
  });

  it.each([
    ['a start without a length', '1 2 5', 4, 'no length'],
    ['a single number', '7', 0, 'no length'],
    ['a run that overlaps the previous one', '1 3 3 2', 4, 'begins before the end'],
    ['runs out of order', '8 2 3 2', 4, 'begins before the end'],
    ['the same run twice', '3 2 3 2', 4, 'begins before the end'],
    ['a start of 0', '0 2', 0, 'start of 0'],
    ['a length of 0', '3 0', 2, 'length 0'],
    ['a start beyond the image', '1 1 13 1', 4, 'beyond the last pixel of the image, 12'],
    ['an end beyond the image', '12 2', 3, 'beyond the last pixel of the image, 12'],
    ['a number beyond all limits', `1 ${'9'.repeat(400)}`, 2, 'beyond the last pixel'],
    ['a negative length', '1 -2', 2, '"-"'],
    ['a fraction', '1.5 2', 1, '"."'],
    ['a word', 'nan', 0, '"n"'],
    ['a letter within a number', '1 2 3x 4', 5, '"x"'],
    ['a comma', '1,2', 1, '","'],
    ['a line break', '1 2\n', 3, '"\\n"'],
  ])('reports the position of %s', (_, text, position, words) => {
    const error = errorOf(text);
    expect(error.position).toBe(position);
    expect(error.message).toContain(words);
    expect(error.message).toContain(`at character ${position}`);
  });

  it('is either read or refused with a MaskError, for any content', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('0', '1', '2', '9', ' ', '-', 'x'), maxLength: 20 }), (text) => {
        try {
          const mask = parseRle(text, 4, 3);
          expect(equalMasks(parseRle(formatRle(mask), 4, 3), mask)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(MaskError);
          expect((error as MaskError).position).toBeLessThan(text.length);
        }
      }),
      { numRuns: 500 },
    );
  });
});
