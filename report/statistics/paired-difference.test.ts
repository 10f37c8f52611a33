import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pairedDifference } from './paired-difference.ts';
import { scoredImages } from './testing/scored-images.ts';

const run = (people: number) =>
  fc
    .record({ seed: fc.integer({ min: 1, max: 1000 }), better: fc.double({ min: -0.1, max: 0.1, noNaN: true }) })
    .map((own) => scoredImages({ people, ...own }));

describe('pairedDifference', () => {
  it('changes its sign and keeps p if the runs are swapped', () => {
    fc.assert(
      fc.property(run(8), run(8), (a, b) => {
        const [there, back] = [pairedDifference(a, b), pairedDifference(b, a)];
        expect(back.p).toBe(there.p);
        for (const [index, estimate] of [there.all, ...there.perClass].entries()) {
          const other = [back.all, ...back.perClass][index];
          expect(other?.mean).toBeCloseTo(-estimate.mean, 12);
          expect(other?.interval?.low).toBeCloseTo(-(estimate.interval?.high ?? Number.NaN), 12);
          expect(other?.interval?.high).toBeCloseTo(-(estimate.interval?.low ?? Number.NaN), 12);
        }
      }),
      { numRuns: 15 },
    );
  });

  it.each([5, 30])('of a run and itself is 0 with p = 1 for %i people', (people) => {
    const images = scoredImages({ people });
    const difference = pairedDifference(images, images);
    expect(difference).toMatchObject({ images: people * 2, people, changed: 0, p: 1, all: { mean: 0, interval: { low: 0, high: 0 } } });
  });

  it('detects a gain that is smaller than the spread of the images', () => {
    const [before, after] = [scoredImages({ people: 12 }), scoredImages({ people: 12 })];
    const better = after.map((image) => ({ ...image, perClass: image.perClass.map((dice) => Math.min(1, dice + 0.002)) }));
    const difference = pairedDifference(better, before);
    expect(difference.all.mean).toBeCloseTo(0.002, 3);
    expect(difference.all.interval?.low).toBeGreaterThan(0);
    expect(difference.p).toBeCloseTo(2 / 2 ** 12, 12);
  });

  it('uses the images that both runs have with the same truth, and counts those with another truth', () => {
    const [a, b] = [scoredImages({ people: 6 }), scoredImages({ people: 8, seed: 2 }).slice(4)];
    const changed = b.map((image, index) => (index === 0 ? { ...image, truth: 'changed' } : image));
    expect(pairedDifference(a, b)).toMatchObject({ images: 8, people: 4, changed: 0 });
    expect(pairedDifference(a, changed)).toMatchObject({ images: 7, changed: 1 });
  });
});
