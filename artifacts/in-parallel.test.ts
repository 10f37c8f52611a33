import { describe, expect, it } from 'vitest';
import { inParallel } from './in-parallel.ts';

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe('inParallel', () => {
  it('returns results in the order of the items, and runs at most `workers` at a time', async () => {
    let running = 0;
    let most = 0;
    const results = await inParallel([5, 1, 3, 0, 2], 2, async (item, index) => {
      most = Math.max(most, ++running);
      await turns(item);
      running--;
      return item * 10 + index;
    });
    expect(results).toEqual([50, 11, 32, 3, 24]);
    expect(most).toBe(2);
  });

  it('throws the error of the earliest item after the running ones have ended, and starts no new ones', async () => {
    const begun: number[] = [];
    let ended = 0;
    const work = async (item: number): Promise<void> => {
      begun.push(item);
      // The later item fails first.
      await turns(item === 0 ? 6 : 2);
      ended++;
      throw new Error(`item ${item}`);
    };
    await expect(inParallel([0, 1, 2, 3], 2, work)).rejects.toThrow('item 0');
    expect(begun).toEqual([0, 1]);
    expect(ended).toBe(2);
  });

  it('returns an empty list for no items', async () => {
    expect(await inParallel([], 4, async () => 1)).toEqual([]);
  });
});
