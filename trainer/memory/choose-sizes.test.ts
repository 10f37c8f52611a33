import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BatchTrial, largestThatFits, nextBatchSize, nextSize, sidesFor, WORTHWHILE } from './choose-sizes.ts';

const rising = fc.uniqueArray(fc.integer({ min: 1, max: 4096 }), { maxLength: 40 }).map((sizes) => sizes.toSorted((a, b) => a - b));

describe('largestThatFits', () => {
  it('finds the largest size that fits with few trials', () => {
    fc.assert(
      fc.property(rising, fc.integer({ min: 0, max: 4200 }), (candidates, limit) => {
        let asked = 0;
        const found = largestThatFits(candidates, (candidate) => {
          asked += 1;
          return candidate <= limit;
        });
        expect(found).toBe(candidates.findLast((candidate) => candidate <= limit));
        expect(asked).toBeLessThanOrEqual(Math.ceil(Math.log2(candidates.length + 1)));
      }),
    );
  });

  it('finds nothing in an empty list', () => {
    expect(largestThatFits([], () => true)).toBeUndefined();
  });
});

describe('nextSize', () => {
  it('never repeats a size, and never goes above a failure or below a success', () => {
    fc.assert(
      fc.property(rising, fc.integer({ min: 0, max: 4200 }), (candidates, limit) => {
        const tried = new Map<number, boolean>();
        for (let move = nextSize(candidates, tried); 'next' in move; move = nextSize(candidates, tried)) {
          expect(candidates).toContain(move.next);
          for (const [size, fits] of tried) expect(fits ? move.next > size : move.next < size).toBe(true);
          tried.set(move.next, move.next <= limit);
        }
      }),
    );
  });
});

describe('sidesFor', () => {
  it.each([
    [16, 2048, [256, 384, 512, 768, 1024, 1536, 2048]],
    [64, 600, [256, 384, 512, 768]],
    [16, 512, [256, 384, 512]],
    [32, 100, [256]],
    [16, 9000, [256, 384, 512, 768, 1024, 1536, 2048]],
  ])('accepts a multiple of %i and images of %i px and returns %j', (multiple, longest, sides) => {
    expect(sidesFor(multiple, longest)).toEqual(sides);
  });
});

describe('nextBatchSize', () => {
  /** Follows the moves if memory allows batches up to `largest` and the throughput of each batch is known. */
  function choose(largest: number, most: number, speed: (batchSize: number) => number) {
    const trials: BatchTrial[] = [];
    for (;;) {
      const move = nextBatchSize(trials, most);
      if ('because' in move) return { ...move, trials };
      trials.push({ batchSize: move.next, fits: move.next <= largest, imagesPerSecond: speed(move.next) });
    }
  }

  it('chooses the largest power of two that fits while each doubling pays off', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 256 }), (largest, most) => {
        const { chosen } = choose(largest, most, (batchSize) => batchSize);
        const powers = Array.from({ length: 9 }, (_, power) => 2 ** power);
        expect(chosen).toBe(powers.findLast((power) => power <= Math.min(largest, most)));
      }),
    );
  });

  it('chooses no larger batch without a gain', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.5, max: 2, noNaN: true }), { minLength: 9, maxLength: 9 }), (gains) => {
        const speeds = gains.map((_, power) => gains.slice(0, power + 1).reduce((product, gain) => product * gain, 1));
        const { chosen, because } = choose(256, 256, (batchSize) => speeds[Math.log2(batchSize)] ?? 0);
        const useless = gains.findIndex((gain, power) => power > 0 && gain < WORTHWHILE);
        expect(chosen).toBe(useless < 0 ? 256 : 2 ** (useless - 1));
        expect(because).toBe(useless < 0 ? 'images' : 'speed');
      }),
    );
  });

  it('reports why it stopped', () => {
    expect(choose(0, 8, (n) => n)).toMatchObject({ chosen: undefined, because: 'memory' });
    expect(choose(4, 8, (n) => n)).toMatchObject({ chosen: 4, because: 'memory' });
    expect(choose(64, 9, (n) => n)).toMatchObject({ chosen: 8, because: 'images' });
    expect(choose(64, 64, () => 1)).toMatchObject({ chosen: 1, because: 'speed' });
  });
});
