import { at, attempt, experimentWith, fold, prepared, report, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { invalidManifestStatus } from './invalid-manifest.ts';
import { plan } from './plan.ts';

const FINDING = { path: ['spec', 'dataset', 'classes'], message: 'there is no class list "x"', fix: 'Write one of hand-bones.' };
const MESSAGE = 'the manifest breaks a rule: spec.dataset.classes there is no class list "x" (Write one of hand-bones.)';

describe('the status of an experiment whose manifest is invalid', () => {
  it('names the mistakes if nothing has begun', () => {
    const status = invalidManifestStatus([FINDING], { generation: 2 }, undefined, at(9));
    expect(status).toMatchObject({ state: 'Failed', reason: 'InvalidManifest', folds: [], foldsFinished: '0/0', observedGeneration: 2 });
    expect(status.conditions.map(({ type, status: value, message }) => [type, value, message])).toEqual([
      ['Complete', 'False', ''],
      ['Failed', 'True', MESSAGE],
    ]);
  });

  it('keeps what is known if attempts exist', () => {
    const done = attempt(fold(0), 1, { state: 'succeeded', finishedAt: at(5).toISOString() });
    const observed = {
      ...seen([prepared(), done, attempt(fold(1), 1, {})], undefined, [report(0, { epoch: 9, epochs: 9, bestDice: 0.9 })]),
      artifacts: 's3://store',
    };
    const before = plan(experimentWith(), observed, at(6)).status;
    const status = invalidManifestStatus([FINDING], {}, before, at(9));
    expect(status).toMatchObject({ state: 'Failed', reason: 'InvalidManifest', finishedAt: at(9).toISOString() });
    const { prepare, ensemble, artifacts, progress, bestDice, foldsFinished } = before;
    expect(status).toMatchObject({ prepare, ensemble, artifacts, progress, bestDice, foldsFinished });
    expect(status.folds.map(({ state, attempts }) => [state, attempts])).toEqual([
      ['Succeeded', 1],
      ['Stopped', 1],
      ['Stopped', 1],
    ]);
    expect(status.folds[0]).toEqual(before.folds[0]);
    expect(status.conditions.map(({ type, status: value }) => [type, value])).toEqual([
      ['Prepared', 'True'],
      ['Training', 'False'],
      ['Suspended', 'False'],
      ['Complete', 'False'],
      ['Failed', 'True'],
    ]);
    expect(status.conditions[0]).toEqual(before.conditions[0]);
    expect(status.conditions[4]).toMatchObject({ message: MESSAGE, lastTransitionTime: at(9).toISOString() });
    expect(status).not.toHaveProperty('estimatedCompletionTime');
  });
});
