import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { difference, intersection, intersectionArea, symmetricDifference, union } from './combine.ts';
import { area } from './measure.ts';
import { emptyRuns, equalRuns, maskFromRuns, type Runs } from './runs.ts';
import { arbitraryRuns } from './testing/arbitrary-masks.ts';

const pair = arbitraryRuns(2).map((masks) => masks as [Runs, Runs]);
const triple = arbitraryRuns(3).map((masks) => masks as [Runs, Runs, Runs]);

describe('set operations on runs', () => {
  it.each([
    ['intersection', intersection, (a: number, b: number) => a & b],
    ['union', union, (a: number, b: number) => a | b],
    ['difference', difference, (a: number, b: number) => a & ~b],
    ['symmetric difference', symmetricDifference, (a: number, b: number) => a ^ b],
  ] as const)('%s is what bitmaps give, in the canonical form', (_, operation, pixel) => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const result = operation(a, b);
        const [p, q] = [maskFromRuns(a), maskFromRuns(b)];
        expect(maskFromRuns(result)).toEqual(p.map((value, i) => pixel(value, q[i] as number)));
        expect(result.bounds.every((bound, i) => i === 0 || bound > (result.bounds[i - 1] as number))).toBe(true);
      }),
    );
  });

  it('commute, associate and distribute', () => {
    fc.assert(
      fc.property(triple, ([a, b, c]) => {
        expect(equalRuns(union(a, b), union(b, a))).toBe(true);
        expect(equalRuns(intersection(a, b), intersection(b, a))).toBe(true);
        expect(equalRuns(union(a, union(b, c)), union(union(a, b), c))).toBe(true);
        expect(equalRuns(intersection(a, union(b, c)), union(intersection(a, b), intersection(a, c)))).toBe(true);
      }),
    );
  });

  it('split a mask into what another holds of it and the rest', () => {
    fc.assert(
      fc.property(pair, ([a, b]) => {
        expect(equalRuns(union(intersection(a, b), difference(a, b)), a)).toBe(true);
        expect(area(union(a, b))).toBe(area(a) + area(b) - intersectionArea(a, b));
      }),
    );
  });

  it('leave a mask alone with itself and with the empty mask', () => {
    fc.assert(
      fc.property(pair, ([a]) => {
        const none = emptyRuns(a.width, a.height);
        expect(equalRuns(union(a, a), a) && equalRuns(intersection(a, a), a) && equalRuns(union(a, none), a)).toBe(true);
        expect(area(difference(a, a)) + area(intersection(a, none))).toBe(0);
      }),
    );
  });

  it('count the common pixels as the intersection has them', () => {
    fc.assert(fc.property(pair, ([a, b]) => intersectionArea(a, b) === area(intersection(a, b))));
  });

  it('refuse sheets of different sizes', () => {
    expect(() => union(emptyRuns(10, 20), emptyRuns(20, 10))).toThrow('different sizes: 10×20 and 20×10');
    expect(() => intersectionArea(emptyRuns(10, 20), emptyRuns(20, 10))).toThrow('different sizes');
  });
});
