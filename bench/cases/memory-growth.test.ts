import { expect, it } from 'vitest';
import { isMet } from '../harness/goals.ts';
import { growthMeasures } from './memory-growth.ts';

it('a long training meets its goals if no tensor is left behind and memory grows by 5 % at most', () => {
  const meets = (tensors: number, rssMb: number): boolean => growthMeasures({ tensors: 207, rssMb: 500 }, { tensors, rssMb }).every(isMet);
  expect([meets(207, 500), meets(207, 524), meets(200, 400)]).toEqual([true, true, true]);
  expect([meets(208, 500), meets(207, 526)]).toEqual([false, false]);
});
