import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addCoverage } from './coverage.ts';
import { fillPolygon } from './fill-polygon.ts';
import { type Fit, squareFit } from './fit.ts';
import { area } from './measure.ts';
import { bitmapFromMask, emptyMask, type RleMask } from './rle-mask.ts';
import { arbitraryMasks, drawn } from './testing/arbitrary-masks.ts';

/** The covered share of each square pixel, summed over all pairs of an image pixel and a square pixel. */
function shares(mask: RleMask, { size, scale, offsetX, offsetY }: Fit): Float64Array {
  const bitmap = bitmapFromMask(mask);
  const overlap = (pixel: number, cell: number, offset: number): number =>
    Math.max(0, Math.min(pixel + 1, (cell + 1) * scale + offset) - Math.max(pixel, cell * scale + offset));
  return new Float64Array(size * size).map((_, at) => {
    let covered = 0;
    for (let i = 0; i < bitmap.length; i++) {
      if (bitmap[i] === 0) continue;
      covered += overlap(i % mask.width, at % size, offsetX) * overlap(Math.floor(i / mask.width), Math.floor(at / size), offsetY);
    }
    return covered / (scale * scale);
  });
}

function coverage(mask: RleMask, fit: Fit): Uint8Array {
  const out = new Uint8Array(fit.size * fit.size);
  addCoverage(mask, fit, out, 0, 1);
  return out;
}

describe('coverage', () => {
  it('is the covered share of each square pixel for any image and square size', () => {
    fc.assert(
      fc.property(arbitraryMasks(1, 12), fc.integer({ min: 1, max: 20 }), ([first], size) => {
        const mask = first as RleMask;
        const fit = squareFit(mask.width, mask.height, size);
        const found = coverage(mask, fit);
        const expected = shares(mask, fit);
        for (let i = 0; i < found.length; i++)
          expect(Math.abs((found[i] as number) - 255 * (expected[i] as number))).toBeLessThan(0.5 + 1e-6);
      }),
    );
  });

  it('counts each pixel of the mask once with an integer scale', () => {
    const coordinate = fc.integer({ min: -5, max: 70 });
    const polygon = fc.array(fc.tuple(coordinate, coordinate), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(polygon, fc.integer({ min: 1, max: 11 }), fc.integer({ min: 1, max: 6 }), (points, scale, size) => {
        const side = scale * size;
        const mask = fillPolygon(points.flat(), side, side);
        // Up to 11 × 11 image pixels per square pixel, the byte still encodes their number.
        const counts = [...coverage(mask, squareFit(side, side, size))].map((value) => Math.round((value * scale * scale) / 255));
        expect(counts.reduce((sum, count) => sum + count, 0)).toBe(area(mask));
      }),
    );
  });

  it('is a box average of 4 × 4 pixels from 2048 to 512', () => {
    const polygon = [700, 300, 955, 411, 1203, 1500, 1100, 1633, 640, 1200];
    const mask = fillPolygon(polygon, 2048, 2048);
    const out = coverage(mask, squareFit(2048, 2048, 512));
    const bitmap = bitmapFromMask(mask);
    const counts = new Uint8Array(512 * 512);
    for (let i = 0; i < bitmap.length; i++) if (bitmap[i] === 1) (counts[(i >>> 13) * 512 + ((i & 2047) >> 2)] as number) += 1;
    expect(out).toEqual(counts.map((count) => Math.round((count * 255) / 16)));
  });

  it('covers whole pixels when the image is enlarged', () => {
    expect([...coverage(drawn('#.', '.#'), squareFit(2, 2, 4))]).toEqual([255, 255, 0, 0, 255, 255, 0, 0, 0, 0, 255, 255, 0, 0, 255, 255]);
  });

  it('is centred in the square for an image that is not square', () => {
    expect([...coverage(drawn('####', '####'), squareFit(4, 2, 4))]).toEqual([
      0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0,
    ]);
    expect([...coverage(drawn('###'), squareFit(3, 1, 3))]).toEqual([0, 0, 0, 255, 255, 255, 0, 0, 0]);
    expect([...coverage(drawn('##'), squareFit(2, 1, 2))]).toEqual([128, 128, 128, 128]);
  });

  it('ignores pixels outside a square that shows only a window of the image', () => {
    const window: Fit = { size: 2, scale: 1, offsetX: 1, offsetY: 1 };
    expect([...coverage(drawn('####', '##..', '####', '####'), window)]).toEqual([255, 0, 255, 255]);
  });

  it('changes one channel and adds to its values, up to 255', () => {
    const out = new Uint8Array(2 * 2 * 3).fill(10);
    addCoverage(drawn('#.', '##'), squareFit(2, 2, 2), out, 1, 3);
    expect([...out]).toEqual([10, 255, 10, 10, 10, 10, 10, 255, 10, 10, 255, 10]);
  });

  it('is zero for the empty mask', () => {
    expect(coverage(emptyMask(9, 9), squareFit(9, 9, 4)).every((value) => value === 0)).toBe(true);
  });

  it('refuses a target with another shape and a missing channel', () => {
    const fit = squareFit(4, 4, 2);
    expect(() => addCoverage(emptyMask(4, 4), fit, new Uint8Array(11), 0, 3)).toThrow('[2, 2, 3] has 12 bytes, not 11');
    expect(() => addCoverage(emptyMask(4, 4), fit, new Uint8Array(12), 3, 3)).toThrow('Channel 3 does not exist');
  });
});
