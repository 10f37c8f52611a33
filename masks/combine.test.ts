import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { difference, intersection, intersectionArea, symmetricDifference, union } from './combine.ts';
import { area } from './measure.ts';
import { bitmapFromMask, emptyMask, equalMasks, type RleMask } from './rle-mask.ts';
import { arbitraryMasks } from './testing/arbitrary-masks.ts';

const pair = arbitraryMasks(2).map((masks) => masks as [RleMask, RleMask]);
const triple = arbitraryMasks(3).map((masks) => masks as [RleMask, RleMask, RleMask]);

describe('a set operation on RLE masks', () => {
  it.each([
    ['intersection', intersection, (a: number, b: number) => a & b],
    ['union', union, (a: number, b: number) => a | b],
    ['difference', difference, (a: number, b: number) => a & ~b],
    ['symmetric difference', symmetricDifference, (a: number, b: number) => a ^ b],
  ] as const)('gives the same %s as on bitmaps, in canonical form', (_, operation, pixel) => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const result = operation(a, b);
        const [p, q] = [bitmapFromMask(a), bitmapFromMask(b)];
        expect(bitmapFromMask(result)).toEqual(p.map((value, i) => pixel(value, q[i] as number)));
        expect(result.bounds.every((bound, i) => i === 0 || bound > (result.bounds[i - 1] as number))).toBe(true);
      }),
    );
  });

  it('is commutative, associative and distributive like the same operation on sets', () => {
    fc.assert(
      fc.property(triple, ([a, b, c]) => {
        expect(equalMasks(union(a, b), union(b, a))).toBe(true);
        expect(equalMasks(intersection(a, b), intersection(b, a))).toBe(true);
        expect(equalMasks(union(a, union(b, c)), union(union(a, b), c))).toBe(true);
        expect(equalMasks(intersection(a, union(b, c)), union(intersection(a, b), intersection(a, c)))).toBe(true);
      }),
    );
  });

  it('splits a mask into its intersection with another mask and the rest', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        expect(equalMasks(union(intersection(a, b), difference(a, b)), a)).toBe(true);
        expect(area(union(a, b))).toBe(area(a) + area(b) - intersectionArea(a, b));
      }),
    );
  });

  it('has the expected result for a mask with itself and with the empty mask', () => {
    fc.assert(
      fc.property(pair, ([a]) => {
        const none = emptyMask(a.width, a.height);
        expect(equalMasks(union(a, a), a) && equalMasks(intersection(a, a), a) && equalMasks(union(a, none), a)).toBe(true);
        expect(area(difference(a, a)) + area(intersection(a, none))).toBe(0);
      }),
    );
  });

  it('counts the common pixels like the intersection', () => {
    fc.assert(fc.property(pair, ([a, b]) => intersectionArea(a, b) === area(intersection(a, b))));
  });

  it('refuses images of different sizes', () => {
    expect(() => union(emptyMask(10, 20), emptyMask(20, 10))).toThrow('different sizes: 10×20 and 20×10');
    expect(() => intersectionArea(emptyMask(10, 20), emptyMask(20, 10))).toThrow('different sizes');
  });
});
