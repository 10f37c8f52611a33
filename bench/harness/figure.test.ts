import { describe, expect, it } from 'vitest';
import { besideFastest, measure, measureEach, millisecondsPerItem, pooled, ratio } from './figure.ts';

describe('a figure', () => {
  it('is the median over repetitions, for one item', () => {
    expect(millisecondsPerItem({ seconds: [0.3, 0.1, 0.2], items: 10 }).median).toBeCloseTo(20);
  });

  it('names the quartiles as its spread', () => {
    const { low, high } = millisecondsPerItem({ seconds: [1, 2, 3, 4, 5], items: 1 });
    expect([low, high]).toEqual([2000, 4000]);
  });

  it('compares sides that handled different numbers of items', () => {
    expect(ratio({ seconds: [1], items: 10 }, { seconds: [1], items: 2 })).toBeCloseTo(5);
  });

  it('leaves the first run out, which pays for warming up', async () => {
    let clock = 0;
    let runs = 0;
    const figure = await measure(
      1,
      2,
      () => {
        runs += 1;
        clock += runs === 1 ? 5000 : 100;
      },
      () => clock,
    );
    expect(figure.seconds).toEqual([0.1, 0.1]);
  });

  it('of work on each of several inputs leaves out what prepares them', async () => {
    let clock = 0;
    const prepare = (input: number): number => {
      clock += 5000;
      return input;
    };
    const work = (input: number): void => {
      clock += input;
    };
    const figure = await measureEach(3, 2, [100, 200], { prepare, work }, () => clock);
    expect(figure).toEqual({ seconds: [0.3, 0.3], items: 3 });
  });

  it('of several processes is that of all repetitions and of the most memory', () => {
    const figures = [
      { seconds: [1, 2], items: 4, peakMb: 100, parameters: 7 },
      { seconds: [3], items: 4, peakMb: 120, parameters: 7 },
    ];
    expect(pooled(figures)).toEqual({ seconds: [1, 2, 3], items: 4, peakMb: 120, parameters: 7 });
    expect(pooled([{ seconds: [1], items: 1 }])).toEqual({ seconds: [1], items: 1 });
    expect(() => pooled([])).toThrow(RangeError);
  });

  it('is compared with a peer in whichever way is fastest, whatever came first', () => {
    const one = (seconds: number) => ({ seconds: [seconds], items: 1 });
    const peers = [
      { name: 'slow', figure: one(3) },
      { name: 'fast', figure: one(1) },
    ];
    expect(besideFastest(one(2), peers).peer).toEqual(one(1));
    expect(() => besideFastest(one(2), [])).toThrow(RangeError);
  });
});
