import { readFileSync } from 'node:fs';
import { MaskError } from '@carpal/masks/mask-error.ts';
import { equalMasks, type RleMask } from '@carpal/masks/rle-mask.ts';
import { parseRle } from '@carpal/masks/rle-text.ts';
import { arbitraryMasks } from '@carpal/masks/testing/arbitrary-masks.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCoco, formatCompressedCoco, parseCoco, parseCompressedCoco } from './coco-format.ts';

type Vector = { name: string; width: number; height: number; rle: string; counts: number[]; compressed: string };
const vectors = JSON.parse(readFileSync(new URL('./fixtures/coco-vectors.json', import.meta.url), 'utf8')) as Vector[];

describe('COCO’s formats', () => {
  it('are tested with masks made by pycocotools', () => {
    expect(vectors.length).toBeGreaterThan(20);
  });

  it.each(vectors)(
    'of $name equal those of pycocotools when they are written, and give the same mask when they are read',
    ({ width, height, rle, counts, compressed }) => {
      const mask = parseRle(rle, width, height);
      expect(formatCoco(mask)).toEqual({ size: [height, width], counts });
      expect(formatCompressedCoco(mask)).toEqual({ size: [height, width], counts: compressed });
      expect(parseCoco({ size: [height, width], counts })).toEqual(mask);
      expect(parseCompressedCoco({ size: [height, width], counts: compressed })).toEqual(mask);
    },
  );

  it('give back any mask unchanged', () => {
    fc.assert(
      fc.property(arbitraryMasks(1, 30), ([mask]) => {
        expect(equalMasks(parseCoco(formatCoco(mask as RleMask)), mask as RleMask)).toBe(true);
        expect(equalMasks(parseCompressedCoco(formatCompressedCoco(mask as RleMask)), mask as RleMask)).toBe(true);
      }),
    );
  });

  it('accept counts of 0 at any position', () => {
    expect(parseCoco({ size: [2, 3], counts: [0, 1, 0, 2, 3, 0] })).toEqual(parseCoco({ size: [2, 3], counts: [0, 3, 3] }));
  });

  it.each([
    ['too few pixels', [2, 3], 2, 'sum to 5'],
    ['too many pixels', [2, 5], 1, "beyond the image's 6"],
    ['a negative count', [2, -1, 5], 1, 'not -1'],
    ['a fraction', [2.5, 3.5], 0, 'not 2.5'],
    ['not a number', [Number.NaN], 0, 'not NaN'],
  ])('reject %s and name the count', (_, counts, position, message) => {
    const read = (): RleMask => parseCoco({ size: [2, 3], counts });
    expect(read).toThrow(message);
    expect(read).toThrow(expect.objectContaining({ position }));
  });

  it.each([
    ['a character outside its alphabet', '06!', 2, '"!"'],
    ['an end within a number', '06P', 2, 'ends within'],
    ['a number without end', 'P'.repeat(9), 0, 'too long'],
  ])('reject %s in compressed text and name the character', (_, counts, position, message) => {
    const read = (): RleMask => parseCompressedCoco({ size: [2, 3], counts });
    expect(read).toThrow(message);
    expect(read).toThrow(expect.objectContaining({ position }));
  });

  it('accept any compressed text or throw a MaskError', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (counts) => {
        try {
          parseCompressedCoco({ size: [2, 3], counts });
        } catch (error) {
          expect(error).toBeInstanceOf(MaskError);
        }
      }),
    );
  });
});
