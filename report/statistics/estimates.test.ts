import { randomFor, shuffled } from '@carpal/masks/random.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diceEstimates } from './estimates.ts';
import { scoredImages } from './testing/scored-images.ts';

const ROUNDING = 1e-9;

const anyImages = fc.array(
  fc.record({
    group: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    perClass: fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 2 }),
  }),
  { minLength: 1, maxLength: 30 },
);

describe('the bootstrap over people', () => {
  it('gives an interval that contains the mean, between the lowest and the highest person', () => {
    fc.assert(
      fc.property(anyImages, (images) => {
        const { all, perClass, people } = diceEstimates(images);
        for (const { mean, interval } of [all, ...perClass]) {
          if (people < 2) expect(interval).toBeUndefined();
          else {
            expect(interval?.low).toBeLessThanOrEqual(mean + ROUNDING);
            expect(interval?.high).toBeGreaterThanOrEqual(mean - ROUNDING);
            expect(interval?.low).toBeGreaterThanOrEqual(0);
            expect(interval?.high).toBeLessThanOrEqual(1 + ROUNDING);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('gives the same result for any order of images', () => {
    const images = scoredImages({ people: 9, imagesEach: 3 });
    const other = diceEstimates(shuffled(images, randomFor(1, 'order')));
    const [own] = [diceEstimates(images)];
    expect(other.all.mean).toBeCloseTo(own.all.mean, 12);
    expect(other.all.interval?.low).toBeCloseTo(own.all.interval?.low ?? Number.NaN, 12);
    expect(diceEstimates(images)).toEqual(own);
  });

  it('is as wide as the spread of people: more images of the same people do not make it narrower', () => {
    const widthOf = (imagesEach: number): number => {
      // Both images of a person are the same, so the second one adds no information.
      const images = scoredImages({ people: 20, imagesEach: 1 }).flatMap((image) => Array.from({ length: imagesEach }, () => image));
      const { interval } = diceEstimates(images).all;
      return (interval?.high ?? 0) - (interval?.low ?? 0);
    };
    expect(widthOf(8)).toBeCloseTo(widthOf(1), 12);
    expect(widthOf(1)).toBeGreaterThan(0.005);
  });

  it('matches the normal approximation for many people', () => {
    const images = scoredImages({ people: 200, imagesEach: 1, classes: 1 });
    const { all } = diceEstimates(images);
    const variance = images.reduce((sum, { perClass: [dice = 0] }) => sum + (dice - all.mean) ** 2, 0) / images.length;
    const expected = 2 * 1.96 * Math.sqrt(variance / images.length);
    const width = (all.interval?.high ?? 0) - (all.interval?.low ?? 0);
    expect(width / expected).toBeGreaterThan(0.93);
    expect(width / expected).toBeLessThan(1.07);
  });

  it('has no interval for one person, and is 0 without people', () => {
    expect(diceEstimates(scoredImages({ people: 1 })).all.interval).toBeUndefined();
    expect(diceEstimates([])).toEqual({ people: 0, images: 0, all: { mean: 0, interval: undefined }, perClass: [] });
  });
});
