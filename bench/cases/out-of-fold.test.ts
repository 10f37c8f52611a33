import { expect, it } from 'vitest';
import { isMet } from '../harness/goals.ts';
import { outOfFoldMeasures } from './out-of-fold.ts';

it('out-of-fold masks of 160 images meet their goals within a minute, if memory grows by 10 % at most', () => {
  const meets = (seconds: number, lateMb: number): boolean =>
    outOfFoldMeasures({ seconds, cpuSeconds: 90, earlyMb: 1000, lateMb }).every(isMet);
  expect([meets(60, 1000), meets(59, 1099), meets(10, 800)]).toEqual([true, true, true]);
  expect([meets(61, 1000), meets(60, 1110)]).toEqual([false, false]);
});
