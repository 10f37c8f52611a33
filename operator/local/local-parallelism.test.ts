import { join } from 'node:path';
import { loadExperiment } from '@carpal/configs/load.ts';
import { describe, expect, it } from 'vitest';
import { fitToMachine, localParallelism } from './local-parallelism.ts';

const minimal = loadExperiment(join(import.meta.dirname, '../../configs/experiments/minimal.yaml'));

describe('the number of folds that train at the same time on one machine', () => {
  it.each([
    ['one if a fold keeps every core busy', 2, 1],
    ['one even if there is only one core', 1, 1],
    ['the number of pairs of cores', 8, 4],
    ['never more than the manifest allows', 64, 5],
  ])('is %s', (_, cores, folds) => {
    expect(minimal.spec.run.parallelism).toBe(5);
    expect(localParallelism(minimal, cores)).toBe(folds);
  });

  it('is the only field of the experiment that changes if it names no queue', () => {
    const fitted = fitToMachine(minimal, 2);
    expect({ ...fitted, spec: { ...fitted.spec, run: { ...fitted.spec.run, parallelism: 5 } } }).toEqual(minimal);
  });

  it('comes without queues: nothing admits a process', () => {
    const placement = { ...minimal.spec.placement, queueName: 'gpu', ensemble: { queueName: 'gpu', gpus: 2 } };
    const fitted = fitToMachine({ ...minimal, spec: { ...minimal.spec, placement } }, 8);
    expect(fitted.spec.placement).toEqual({ ...placement, queueName: '', ensemble: { queueName: '', gpus: 2 } });
  });
});
