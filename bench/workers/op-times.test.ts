import { describe, expect, it } from 'vitest';
import { opTimes } from './op-times.ts';

const line = (at: string, what: string, node: number, run: number, type: string): string =>
  `2026-01-01 10:00:${at}: I tensorflow/core/common_runtime/executor.cc:1] ${what}: ${node} step ${run} {{node a/b_${node}}} = ${type}[T=DT_FLOAT](x) device: CPU`;
const begins = 'Process node';
const ends = 'Synchronous kernel done';

describe('opTimes', () => {
  it('sums times by type over the last runs of a log, the slowest first, and ignores other lines', () => {
    const log = [
      line('00.000000', begins, 1, 1, 'Conv2D'),
      line('09.000000', ends, 1, 1, 'Conv2D'),
      'something else',
      line('10.000000', begins, 1, 2, 'Conv2D'),
      line('10.010000', ends, 1, 2, 'Conv2D'),
      line('10.010000', begins, 2, 2, 'Relu'),
      line('10.011000', ends, 2, 2, 'Relu'),
      line('10.011000', begins, 3, 2, 'Relu'),
      line('10.013000', ends, 3, 2, 'Relu'),
    ].join('\n');
    expect(opTimes(log, 1)).toEqual([
      { type: 'Conv2D', count: 1, milliseconds: expect.closeTo(10, 3) },
      { type: 'Relu', count: 2, milliseconds: expect.closeTo(3, 3) },
    ]);
  });

  it('returns nothing for an empty log', () => {
    expect(opTimes('', 3)).toEqual([]);
  });
});
