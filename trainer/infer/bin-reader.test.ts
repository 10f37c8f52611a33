import { squareFit } from '@carpal/masks/fit.ts';
import { bitmapFromMask, equalMasks, maskFromBitmap, type RleMask } from '@carpal/masks/rle-mask.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BinReader } from './bin-reader.ts';
import { classParts } from './class-parts.ts';
import { logitsToMask } from './logits-to-mask.ts';
import { ProbabilityBins } from './probability-bins.ts';

const CUTS = [0.01, 0.05, 0.3, 0.5, 0.501, 0.95];

type Picture = {
  readonly size: number;
  readonly classes: number;
  readonly width: number;
  readonly height: number;
  readonly logits: Float32Array;
  readonly truth: RleMask;
  /** Most values in a part. */
  readonly most: number;
};

/** Logits with wide areas that are surely outside, so that stretches begin and end; images larger and smaller than the grid. */
const pictures: fc.Arbitrary<Picture> = fc
  .record({
    size: fc.integer({ min: 1, max: 9 }),
    classes: fc.integer({ min: 1, max: 3 }),
    width: fc.integer({ min: 1, max: 20 }),
    height: fc.integer({ min: 1, max: 20 }),
    most: fc.integer({ min: 1, max: 200 }),
  })
  .chain((shape) => {
    const { size, classes, width, height } = shape;
    const logit = fc.oneof(
      { weight: 3, arbitrary: fc.constant(-8) },
      { weight: 2, arbitrary: fc.double({ min: -7, max: 7, noNaN: true }) },
    );
    const count = size * size * classes;
    return fc.record({
      logits: fc.array(logit, { minLength: count, maxLength: count }).map((values) => Float32Array.from(values)),
      truth: fc
        .array(fc.boolean(), { minLength: width * height, maxLength: width * height })
        .map((inside) => maskFromBitmap(Uint8Array.from(inside, Number), width, height)),
      ...Object.fromEntries(Object.entries(shape).map(([name, value]) => [name, fc.constant(value)])),
    }) as unknown as fc.Arbitrary<Picture>;
  });

/** Calls `visit` with the pixels of each class. */
function eachClass(
  { logits, size, classes, width, height, most }: Picture,
  bins: ProbabilityBins,
  visit: (found: ReturnType<BinReader['next']>, classIndex: number) => void,
): number {
  let seen = 0;
  for (const parts of classParts(logits, size, classes, bins.lowestLogit, most)) {
    expect(parts.firstClass).toBe(seen);
    const reader = new BinReader(parts, width, height, bins);
    for (let own = 0; own < parts.classes; own++) visit(reader.next(), seen++);
  }
  return seen;
}

describe('BinReader', () => {
  it('gives the masks of logitsToMask at every cut, pixel for pixel', () => {
    fc.assert(
      fc.property(pictures, (picture) => {
        const { logits, size, classes, width, height } = picture;
        const bins = new ProbabilityBins(CUTS);
        const fit = squareFit(width, height, size);
        const seen = eachClass(picture, bins, (found, classIndex) => {
          for (const [cut, threshold] of bins.cuts.entries()) {
            const expected = logitsToMask({ logits, classIndex, classes, fit, width, height, threshold });
            expect(equalMasks(found.maskAbove(cut), expected)).toBe(true);
          }
        });
        expect(seen).toBe(classes);
      }),
      { numRuns: 300 },
    );
  });

  it('counts the pixels of every bin, and those of the true mask, as counting bitmaps does', () => {
    fc.assert(
      fc.property(pictures, (picture) => {
        const bins = new ProbabilityBins(CUTS);
        const inside = bitmapFromMask(picture.truth);
        eachClass(picture, bins, (found) => {
          const masks = bins.cuts.map((_, cut) => bitmapFromMask(found.maskAbove(cut)));
          const pixels = Array.from({ length: bins.count }, () => 0);
          const truePixels = [...pixels];
          for (let at = 0; at < inside.length; at++) {
            const bin = masks.filter((mask) => mask[at] === 1).length;
            pixels[bin] = (pixels[bin] ?? 0) + 1;
            truePixels[bin] = (truePixels[bin] ?? 0) + (inside[at] ?? 0);
          }
          const histogram = found.histogram(picture.truth, bins.count);
          expect([Array.from(histogram.pixels), Array.from(histogram.truePixels)]).toEqual([pixels, truePixels]);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('needs no part of a map that is below the lowest cut everywhere', () => {
    const [parts] = classParts(new Float32Array(8 * 8 * 2).fill(-9), 8, 2, -6);
    expect(parts?.values.length).toBe(0);
    const reader = new BinReader(parts as NonNullable<typeof parts>, 16, 16, new ProbabilityBins(CUTS));
    expect(reader.next().maskAbove(0).bounds.length).toBe(0);
  });
});
