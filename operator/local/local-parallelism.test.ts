import { join } from 'node:path';
import { loadExperiment } from '@carpal/configs/load.ts';
import { describe, expect, it } from 'vitest';
import { fitToMachine, localParallelism } from './local-parallelism.ts';

const minimal = loadExperiment(join(import.meta.dirname, '../../configs/experiments/minimal.yaml'));

describe('folds at once on one machine', () => {
  it.each([
    ['one where a fold keeps every core busy', 2, 1],
    ['one even where there is only one core', 1, 1],
    ['as many as there are pairs of cores', 8, 4],
    ['never more than the manifest asks for', 64, 5],
  ])('are %s', (_, cores, folds) => {
    expect(minimal.spec.run.parallelism).toBe(5);
    expect(localParallelism(minimal, cores)).toBe(folds);
  });

  it('change nothing else in the experiment', () => {
    const fitted = fitToMachine(minimal, 2);
    expect({ ...fitted, spec: { ...fitted.spec, run: { ...fitted.spec.run, parallelism: 5 } } }).toEqual(minimal);
  });
});
