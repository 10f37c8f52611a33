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

  it('changes no other field of the experiment but the cores of its stages if it names no queue', () => {
    const { spec, ...others } = fitToMachine(minimal, 2);
    const { ensemble: _ensemble, ...placement } = spec.placement;
    const restored = { ...spec, run: { ...spec.run, parallelism: 5 }, placement: { ...placement, cpu: minimal.spec.placement.cpu } };
    expect({ ...others, spec: restored }).toEqual(minimal);
  });

  it.each([
    ['the whole machine, if one fold trains at a time', 2, '2'],
    ['a share of the machine, if several train at a time', 8, '2'],
    ['a whole number', 31, '6'],
    ['one, at least', 1, '1'],
  ])('gives each fold cores: %s', (_, cores, share) => {
    const { placement } = fitToMachine(minimal, cores).spec;
    expect([placement.cpu, placement.ensemble?.cpu]).toEqual([share, String(cores)]);
  });

  it('comes without queues: nothing admits a process', () => {
    const placement = { ...minimal.spec.placement, queueName: 'gpu', ensemble: { queueName: 'gpu', gpus: 2 } };
    const fitted = fitToMachine({ ...minimal, spec: { ...minimal.spec, placement } }, 8);
    expect(fitted.spec.placement).toEqual({ ...placement, cpu: '2', queueName: '', ensemble: { queueName: '', gpus: 2, cpu: '8' } });
  });
});
