import { expect, it } from 'vitest';
import { flatMeasures } from './memory-growth.ts';
import { isKept } from '../harness/measures.ts';

it('a long training keeps what is promised where no tensor stays behind and memory grows by a twentieth at most', () => {
  const kept = (tensors: number, rssMb: number): boolean => flatMeasures({ tensors: 207, rssMb: 500 }, { tensors, rssMb }).every(isKept);
  expect([kept(207, 500), kept(207, 524), kept(200, 400)]).toEqual([true, true, true]);
  expect([kept(208, 500), kept(207, 526)]).toEqual([false, false]);
});
