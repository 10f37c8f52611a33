import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addCoverage } from './coverage.ts';
import { fillPolygon } from './fill-polygon.ts';
import { squareFit } from './fit.ts';
import { addNearest } from './nearest.ts';
import { bitmapFromMask } from './rle-mask.ts';
import { arbitraryMasks } from './testing/arbitrary-masks.ts';

describe('addNearest', () => {
  it('samples the image pixel under the centre of each square pixel, and is 0 outside the image', () => {
    fc.assert(
      fc.property(arbitraryMasks(1), fc.integer({ min: 1, max: 40 }), ([mask], size) => {
        if (!mask) throw new Error('no mask');
        const { width, height } = mask;
        const bitmap = bitmapFromMask(mask);
        const fit = squareFit(width, height, size);
        const out = new Uint8Array(size * size * 2);
        addNearest(mask, fit, out, 1, 2);
        for (let j = 0; j < size; j++) {
          for (let i = 0; i < size; i++) {
            const x = Math.floor((i + 0.5) * fit.scale + fit.offsetX);
            const y = Math.floor((j + 0.5) * fit.scale + fit.offsetY);
            const inside = x >= 0 && x < width && y >= 0 && y < height && bitmap[y * width + x] === 1;
            expect([out[(j * size + i) * 2], out[(j * size + i) * 2 + 1]]).toEqual([0, inside ? 255 : 0]);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('equals the mask without scaling, as coverage does', () => {
    const mask = fillPolygon([3, 2, 25, 7, 11, 28], 32, 32);
    const fit = squareFit(32, 32, 32);
    const [nearest, covered] = [new Uint8Array(32 * 32), new Uint8Array(32 * 32)];
    addNearest(mask, fit, nearest, 0, 1);
    addCoverage(mask, fit, covered, 0, 1);
    expect(nearest).toEqual(bitmapFromMask(mask).map((value) => value * 255));
    expect(covered).toEqual(nearest);
  });

  it('misses lines between the centres, which coverage keeps', () => {
    const mask = fillPolygon([8, 0, 8, 31], 32, 32);
    const [nearest, covered] = [new Uint8Array(64), new Uint8Array(64)];
    addNearest(mask, squareFit(32, 32, 8), nearest, 0, 1);
    addCoverage(mask, squareFit(32, 32, 8), covered, 0, 1);
    expect(Math.max(...nearest)).toBe(0);
    expect(covered[2]).toBe(64);
  });

  it('refuses a target with another shape or without the channel', () => {
    const mask = fillPolygon([0, 0, 3, 0, 3, 3], 4, 4);
    expect(() => addNearest(mask, squareFit(4, 4, 4), new Uint8Array(15), 0, 1)).toThrow('has 16 bytes, not 15');
    expect(() => addNearest(mask, squareFit(4, 4, 4), new Uint8Array(16), 1, 1)).toThrow('Channel 1 does not exist');
  });
});
