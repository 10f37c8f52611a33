import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addCoverage } from './coverage.ts';
import { fillPolygon } from './fill-polygon.ts';
import { squareFit } from './fit.ts';
import { dice } from './measure.ts';
import { bitmapFromMask, maskFromBitmap, type RleMask } from './rle-mask.ts';
import {
  type Affine,
  compose,
  cutEdges,
  IDENTITY,
  invert,
  joinWarp,
  rotation,
  scaling,
  translation,
  type Warp,
  warpOutline,
  warpPolygon,
  warpSource,
} from './warp.ts';
import { type Place, unfoldedField, type WarpField } from './warp-field.ts';

const number = fc.double({ min: -50, max: 50, noNaN: true });
const affine = fc.tuple(number, number, number, number, number, number);
const polygon = fc.array(number, { minLength: 2, maxLength: 12 }).map((values) => values.slice(0, values.length & ~1));

function expectClose(found: Float64Array, expected: ArrayLike<number>, tolerance: number): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < found.length; i++) expect(Math.abs((found[i] as number) - (expected[i] as number))).toBeLessThan(tolerance);
}

describe('an affine map', () => {
  it('that is composed of two maps moves a polygon like the first map followed by the second', () => {
    fc.assert(
      fc.property(affine, affine, polygon, (second, first, points) => {
        expectClose(warpPolygon(points, compose(second, first)), warpPolygon(warpPolygon(points, first), second), 1e-6);
      }),
    );
  });

  it('is undone by its inverse', () => {
    const degrees = fc.double({ min: -360, max: 360, noNaN: true });
    const factor = fc.double({ min: 0.1, max: 10, noNaN: true });
    fc.assert(
      fc.property(degrees, factor, factor, number, number, polygon, (angle, across, down, x, y, points) => {
        const map = compose(translation(x, y), compose(rotation(angle, x, y), scaling(across, -down, y, x)));
        expectClose(warpPolygon(warpPolygon(points, map), invert(map)), points, 1e-6);
      }),
    );
  });

  it('rotates clockwise around its centre, which does not move', () => {
    expectClose(warpPolygon([10, 5, 12, 5], rotation(90, 10, 5)), [10, 5, 10, 7], 1e-9);
  });

  it('flips an image of 6 columns onto itself', () => {
    expect([...warpPolygon([0, 3, 5, 3], scaling(-1, 1, (6 - 1) / 2, 0))]).toEqual([5, 3, 0, 3]);
  });

  it('returns an equal polygon in a new array if it is the identity', () => {
    expect([...warpPolygon([1, 2, 3, 4], IDENTITY)]).toEqual([1, 2, 3, 4]);
  });

  it.each<[string, Affine]>([
    ['projects everything onto a line', [1, 2, 0, 2, 4, 0]],
    ['contains NaN', [Number.NaN, 0, 0, 0, 1, 0]],
  ])('that %s has no inverse', (_, map) => {
    expect(() => invert(map)).toThrow('no inverse');
  });
});

/** A field that deforms a 1024² image by up to 60 pixels. */
const bendOf = (seed: number): WarpField => {
  const moves = (phase: number): Float64Array => Float64Array.from({ length: 49 }, (_, i) => 60 * Math.sin(seed + phase + 2.3 * i * i));
  return unfoldedField({ left: -120, top: -120, spacing: 210, columns: 7, rows: 7, moveX: moves(1), moveY: moves(5) });
};
const bend = bendOf(1);

describe('warpSource', () => {
  it('maps every place of the warped image back to the place that its outline came from', () => {
    const coordinate = fc.double({ min: 0, max: 1023, noNaN: true });
    fc.assert(
      fc.property(
        coordinate,
        coordinate,
        fc.integer({ min: 0, max: 9 }),
        fc.double({ min: -90, max: 90, noNaN: true }),
        (x, y, seed, angle) => {
          const warp: Warp = [rotation(angle, 400, 600), bendOf(seed), scaling(-1.2, 1.2, 511.5, 511.5), bendOf(seed + 1)];
          const [toX = 0, toY = 0] = warpOutline([x, y], warp, 8);
          const place: Place = { x: 0, y: 0 };
          warpSource(warp)(toX, toY, place);
          expect(Math.hypot(place.x - x, place.y - y)).toBeLessThan(0.5);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('joinWarp', () => {
  it('composes neighbouring affine maps and keeps fields between them', () => {
    const warp = [translation(1, 2), translation(3, 4), bend, scaling(2, 2, 0, 0), translation(1, 0)].reduce<Warp>(joinWarp, []);
    expect(warp).toEqual([translation(4, 6), bend, [2, 0, 1, 0, 2, 0]]);
  });
});

describe('warpOutline', () => {
  it.each([
    ['a triangle with three distant vertices', [120, 160, 860, 240, 500, 880]],
    ['a long bone', [200, 120, 320, 120, 820, 900, 700, 900]],
    ['a box that ends near the border of the image', [600, 600, 1020, 600, 1020, 840, 600, 840]],
  ])('covers the same square pixels as the warped mask of %s', (_, polygon) => {
    const warps: Warp[] = [[bend], [rotation(20, 512, 512), bend], [bend, scaling(1.3, 1.3, 512, 512), bendOf(2)]];
    for (const warp of warps) {
      const bitmap = bitmapFromMask(fillPolygon(polygon, 1024, 1024));
      const sourceOf = warpSource(warp);
      const place: Place = { x: 0, y: 0 };
      const warped = new Uint8Array(1024 * 1024);
      for (let i = 0; i < warped.length; i++) {
        sourceOf(i % 1024, Math.floor(i / 1024), place);
        const [x, y] = [Math.round(place.x), Math.round(place.y)];
        if (x >= 0 && y >= 0 && x < 1024 && y < 1024) warped[i] = bitmap[y * 1024 + x] as number;
      }
      const fit = squareFit(1024, 1024, 128);
      const [ofMask, ofOutline] = [new Uint8Array(128 * 128), new Uint8Array(128 * 128)];
      addCoverage(maskFromBitmap(warped, 1024, 1024), fit, ofMask, 0, 1);
      addCoverage(fillPolygon(warpOutline(polygon, warp, 16), 1024, 1024), fit, ofOutline, 0, 1);
      let [difference, both, either] = [0, 0, 0];
      for (let i = 0; i < ofMask.length; i++) {
        const [a, b] = [ofMask[i] as number, ofOutline[i] as number];
        difference += Math.abs(a - b) / 255;
        both += Math.min(a, b);
        either += Math.max(a, b);
      }
      expect(both / either).toBeGreaterThan(0.99);
      expect(difference / ofMask.length).toBeLessThan(0.001);
    }
  });

  it('follows the deformation only because long edges are cut', () => {
    const bone = [200, 120, 320, 120, 820, 900, 700, 900];
    const covered = (longestEdge: number): RleMask => fillPolygon(warpOutline(bone, [bend], longestEdge), 1024, 1024);
    expect(dice(covered(16), covered(1))).toBeGreaterThan(0.995);
    expect(dice(covered(1e9), covered(1))).toBeLessThan(0.95);
  });

  it('keeps an empty outline empty and does not change its input', () => {
    const polygon = Float64Array.of(1, 2, 30, 4, 5, 60);
    expect(warpOutline([], [bend], 8)).toHaveLength(0);
    warpOutline(polygon, [bend], 8);
    expect([...polygon]).toEqual([1, 2, 30, 4, 5, 60]);
  });
});

describe('cutEdges', () => {
  it('keeps the vertices and cuts longer edges, including the closing one', () => {
    expect([...cutEdges(Float64Array.of(0, 0, 10, 0, 10, 2), 5)]).toEqual([
      ...[0, 0, 5, 0],
      ...[10, 0, 10, 2],
      ...[10 - 10 / 3, 2 - 2 / 3, 10 - 20 / 3, 2 - 4 / 3].map((value) => expect.closeTo(value)),
    ]);
  });
});
