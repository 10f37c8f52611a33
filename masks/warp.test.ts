import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Affine, compose, IDENTITY, invert, rotation, scaling, translation, warpPolygon } from './warp.ts';

const number = fc.double({ min: -50, max: 50, noNaN: true });
const affine = fc.tuple(number, number, number, number, number, number);
const polygon = fc.array(number, { minLength: 2, maxLength: 12 }).map((values) => values.slice(0, values.length & ~1));

function expectClose(found: Float64Array, expected: ArrayLike<number>, tolerance: number): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < found.length; i++) expect(Math.abs((found[i] as number) - (expected[i] as number))).toBeLessThan(tolerance);
}

describe('affine maps', () => {
  it('composed move a polygon as the second after the first does', () => {
    fc.assert(
      fc.property(affine, affine, polygon, (second, first, points) => {
        expectClose(warpPolygon(points, compose(second, first)), warpPolygon(warpPolygon(points, first), second), 1e-6);
      }),
    );
  });

  it('are undone by their inverse', () => {
    const degrees = fc.double({ min: -360, max: 360, noNaN: true });
    const factor = fc.double({ min: 0.1, max: 10, noNaN: true });
    fc.assert(
      fc.property(degrees, factor, factor, number, number, polygon, (angle, across, down, x, y, points) => {
        const map = compose(translation(x, y), compose(rotation(angle, x, y), scaling(across, -down, y, x)));
        expectClose(warpPolygon(warpPolygon(points, map), invert(map)), points, 1e-6);
      }),
    );
  });

  it('turn clockwise about their centre, which stays', () => {
    expectClose(warpPolygon([10, 5, 12, 5], rotation(90, 10, 5)), [10, 5, 10, 7], 1e-9);
  });

  it('flip a sheet of 6 columns onto itself', () => {
    expect([...warpPolygon([0, 3, 5, 3], scaling(-1, 1, (6 - 1) / 2, 0))]).toEqual([5, 3, 0, 3]);
  });

  it('leave the polygon alone as the identity, in a new array', () => {
    expect([...warpPolygon([1, 2, 3, 4], IDENTITY)]).toEqual([1, 2, 3, 4]);
  });

  it.each<[string, Affine]>([
    ['presses all onto a line', [1, 2, 0, 2, 4, 0]],
    ['has not-a-number', [Number.NaN, 0, 0, 0, 1, 0]],
  ])('that %s has no inverse', (_, map) => {
    expect(() => invert(map)).toThrow('no inverse');
  });
});
