import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillPolygon } from './fill-polygon.ts';
import { MaskError } from './mask-error.ts';
import { area, boundingBox } from './measure.ts';
import { bitmapFromMask, equalMasks } from './rle-mask.ts';
import { formatRle } from './rle-text.ts';
import { drawing } from './testing/arbitrary-masks.ts';

type Vector = { name: string; width: number; height: number; polygon: number[]; rle: string };
const vectors = JSON.parse(readFileSync(new URL('./fixtures/fill-polygon-vectors.json', import.meta.url), 'utf8')) as Vector[];

describe('fillPolygon', () => {
  it('is checked against polygons filled by OpenCV', () => {
    expect(vectors.length).toBeGreaterThan(150);
  });

  it.each(vectors)('fills $name exactly as OpenCV does', ({ width, height, polygon, rle }) => {
    expect(formatRle(fillPolygon(polygon, width, height))).toBe(rle);
  });

  it('counts the boundary as inside', () => {
    expect(drawing(bitmapFromMask(fillPolygon([1, 1, 4, 1, 4, 3, 1, 3], 6, 5)), 6)).toEqual([
      '......',
      '.####.',
      '.####.',
      '.####.',
      '......',
    ]);
  });

  it('does not fill areas that a self-crossing outline encloses twice, except for the outlines', () => {
    const pentagram = [3, 0, 6, 6, 0, 2, 6, 2, 0, 6];
    expect(bitmapFromMask(fillPolygon(pentagram, 7, 7))[3 * 7 + 3]).toBe(0);
  });

  it('returns an empty mask for a polygon without points', () => {
    expect(fillPolygon([], 4, 4).bounds).toHaveLength(0);
  });

  it('rounds vertices to the nearest integer first, halves up', () => {
    const rounded = fillPolygon([1, 1, 5, 1, 5, 4], 8, 8);
    expect(equalMasks(fillPolygon(Float64Array.of(0.5, 1.49, 5.2, 0.6, 4.7, 4.4), 8, 8), rounded)).toBe(true);
  });

  it('is translated with the polygon', () => {
    const coordinate = fc.integer({ min: 0, max: 20 });
    const points = fc.array(fc.tuple(coordinate, coordinate), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(points, fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }), (vertices, x, y) => {
        const still = bitmapFromMask(fillPolygon(vertices.flat(), 30, 30));
        const moved = bitmapFromMask(
          fillPolygon(
            vertices.flatMap(([u, v]) => [u + x, v + y]),
            30,
            30,
          ),
        );
        expect(moved.every((value, i) => value === (i % 30 >= x && i >= y * 30 ? still[i - x - y * 30] : 0))).toBe(true);
      }),
    );
  });

  it('contains every vertex, and nothing outside the bounding box of the vertices', () => {
    const coordinate = fc.integer({ min: 0, max: 30 });
    const points = fc.array(fc.tuple(coordinate, coordinate), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(points, (vertices) => {
        const mask = fillPolygon(vertices.flat(), 31, 31);
        const bitmap = bitmapFromMask(mask);
        const [xs, ys] = [vertices.map(([x]) => x), vertices.map(([, y]) => y)];
        expect(vertices.every(([x, y]) => bitmap[y * 31 + x] === 1)).toBe(true);
        expect(boundingBox(mask)).toEqual({ left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) });
      }),
    );
  });

  it('does not use data of a large polygon in the next call', () => {
    const zigzag = Array.from({ length: 3000 }, (_, i) => [(i * 37) % 211, (i * 53) % 199]).flat();
    fillPolygon(zigzag, 220, 200);
    expect(area(fillPolygon([2, 2, 3, 3], 220, 200))).toBe(2);
  });

  it.each([
    ['an odd number of coordinates', [1, 2, 3], 2],
    ['a coordinate that is not a number', [1, 2, Number.NaN, 4], 2],
    ['an infinite coordinate', [1, Number.POSITIVE_INFINITY], 1],
    ['a coordinate beyond the largest image', [1, 2, 3, 3e9], 3],
  ])('refuses %s and reports its position', (_, polygon, position) => {
    const fill = (): unknown => fillPolygon(polygon, 8, 8);
    expect(fill).toThrow(MaskError);
    expect(fill).toThrow(expect.objectContaining({ position }));
  });
});
