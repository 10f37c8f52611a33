import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mapOutline, outlineArea, outlineCentre, smoothOutline, turn } from './outline.ts';

const SQUARE = Float64Array.of(0, 0, 4, 0, 4, 4, 0, 4);

describe('an outline', () => {
  it('has the area and centre of the enclosed shape in both directions', () => {
    expect(outlineArea(SQUARE)).toBe(16);
    expect(outlineArea(mapOutline(SQUARE, ([x, y]) => [-x, y]))).toBe(16);
    expect(outlineCentre(SQUARE)).toEqual([2, 2]);
  });

  it('passes through its points when smoothed, and turns a ring of points into nearly a circle', () => {
    const ring = Array.from({ length: 12 }, (_, i) => [10 * Math.cos((i * Math.PI) / 6), 10 * Math.sin((i * Math.PI) / 6)] as const);
    const outline = smoothOutline(ring, 8);
    expect([outline[16], outline[17]]).toEqual([ring[1]?.[0], ring[1]?.[1]]);
    expect(outlineArea(outline) / (Math.PI * 100)).toBeCloseTo(1, 2);
  });

  it('keeps its area when rotated', () => {
    fc.assert(
      fc.property(fc.double({ min: -360, max: 360, noNaN: true }), (degrees) => {
        const turned = mapOutline(SQUARE, (point) => turn(point, [7, -3], degrees));
        expect(outlineArea(turned)).toBeCloseTo(16, 6);
      }),
    );
  });

  it('rotates from y toward x', () => {
    const [x, y] = turn([0, 1], [0, 0], 90);
    expect(x).toBeCloseTo(1);
    expect(y).toBeCloseTo(0);
  });
});
