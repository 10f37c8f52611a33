import { describe, expect, it } from 'vitest';
import { comparedWithFastest, millisecondsPerItem, pooled, ratio } from './figure.ts';

describe('millisecondsPerItem', () => {
  it('returns the median over repetitions, per item', () => {
    expect(millisecondsPerItem({ seconds: [0.3, 0.1, 0.2], items: 10 }).median).toBeCloseTo(20);
  });

  it('returns the quartiles as the spread', () => {
    const { low, high } = millisecondsPerItem({ seconds: [1, 2, 3, 4, 5], items: 1 });
    expect([low, high]).toEqual([2000, 4000]);
  });
});

describe('ratio', () => {
  it('compares sides with different numbers of items', () => {
    expect(ratio({ seconds: [1], items: 10 }, { seconds: [1], items: 2 })).toBeCloseTo(5);
  });
});

describe('pooled', () => {
  it('joins all repetitions and takes the highest memory peak', () => {
    const figures = [
      { seconds: [1, 2], items: 4, peakMb: 100, parameters: 7 },
      { seconds: [3], items: 4, peakMb: 120, parameters: 7 },
    ];
    expect(pooled(figures)).toEqual({ seconds: [1, 2, 3], items: 4, peakMb: 120, parameters: 7 });
    expect(pooled([{ seconds: [1], items: 1 }])).toEqual({ seconds: [1], items: 1 });
    expect(() => pooled([])).toThrow(RangeError);
  });
});

describe('comparedWithFastest', () => {
  it('compares with the fastest way, whatever the order of the ways', () => {
    const one = (seconds: number) => ({ seconds: [seconds], items: 1 });
    const ways = [
      { name: 'slow', figure: one(3) },
      { name: 'fast', figure: one(1) },
    ];
    expect(comparedWithFastest(one(2), ways).baseline).toEqual(one(1));
    expect(() => comparedWithFastest(one(2), [])).toThrow(RangeError);
  });
});
