import { fillPolygon } from '@carpal/masks/fill-polygon.ts';
import { bitmapFromMask } from '@carpal/masks/rle-mask.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Point, smoothOutline } from './outline.ts';
import { pixelContour } from './pixel-contour.ts';
import { fillOutline } from './raster.ts';

const IMAGE = { left: 0, top: 0, right: 64, bottom: 64 };

/** A blob around (x, y) with one radius per direction. */
function blob(x: number, y: number, radii: readonly number[]): Float64Array {
  const step = (2 * Math.PI) / radii.length;
  return smoothOutline(
    radii.map((radius, i): Point => [x + radius * Math.cos(i * step), y + radius * Math.sin(i * step)]),
    8,
  );
}

describe('the contour of a bone in pixels', () => {
  it('contains, when filled like the data set, exactly the pixels whose centres are inside the outline', () => {
    const radius = fc.double({ min: 5, max: 14, noNaN: true });
    const place = fc.double({ min: 0, max: 64, noNaN: true });
    fc.assert(
      fc.property(place, place, fc.array(radius, { minLength: 6, maxLength: 12 }), (x, y, radii) => {
        const outline = blob(x, y, radii);
        const filled = bitmapFromMask(fillPolygon(pixelContour(outline, 1, 64), 64, 64));
        expect(Buffer.compare(filled, fillOutline(outline, IMAGE))).toBe(0);
      }),
    );
  });

  it('steps from each point to a neighbour', () => {
    const contour = pixelContour(blob(31.3, 30.8, [20, 14, 22, 9, 18, 16]), 1, 64);
    for (let i = 0, j = contour.length - 2; i < contour.length; j = i, i += 2) {
      const [dx, dy] = [(contour[i] ?? 0) - (contour[j] ?? 0), (contour[i + 1] ?? 0) - (contour[j + 1] ?? 0)];
      expect(Math.max(Math.abs(dx), Math.abs(dy))).toBe(1);
    }
  });

  it('ends at the edge of the image and is empty outside', () => {
    const contour = pixelContour(blob(30, 62, [12, 12, 12, 12, 12, 12]), 1, 64);
    expect(Math.max(...contour.filter((_, index) => index % 2 === 1))).toBe(63);
    expect(pixelContour(blob(-90, 30, [8, 8, 8, 8, 8, 8]), 1, 64)).toHaveLength(0);
  });

  it('keeps the larger piece if pixels split a bone, and accepts a bone of one pixel', () => {
    const dumbbell = Float64Array.of(2, 2, 10, 2, 10, 6.1, 40, 6.1, 40, 2, 60, 2, 60, 12, 40, 12, 40, 6.3, 10, 6.3, 10, 12, 2, 12);
    expect(Math.min(...pixelContour(dumbbell, 1, 64).filter((_, index) => index % 2 === 0))).toBe(40);
    expect([...pixelContour(Float64Array.of(5, 5, 6, 5, 6, 6, 5, 6), 1, 64)]).toEqual([5, 5]);
  });

  it('has the same shape at half the size', () => {
    const outline = blob(32, 32, [20, 21, 22, 20, 19, 20]);
    const [large, small] = [fillPolygon(pixelContour(outline, 1, 64), 64, 64), fillPolygon(pixelContour(outline, 2, 32), 32, 32)];
    const pixels = (bounds: Uint32Array): number => bounds.reduce((sum, bound, index) => sum + (index % 2 === 0 ? -bound : bound), 0);
    expect((pixels(small.bounds) * 4) / pixels(large.bounds)).toBeCloseTo(1, 1);
  });
});
