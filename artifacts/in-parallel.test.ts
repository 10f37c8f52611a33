import { expect, it } from 'vitest';
import { inParallel } from './in-parallel.ts';

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

it('results keep the order of the items, and no more than the workers run at once', async () => {
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

it('of several failures the earliest item is thrown, after what was under way has ended, and nothing new begins', async () => {
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

it('nothing to do is done at once', async () => {
  expect(await inParallel([], 4, async () => 1)).toEqual([]);
});
