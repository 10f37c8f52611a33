import { experimentWith } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { runnable } from './begun-experiment.ts';
import type { ExperimentObject } from './experiment-object.ts';

const { apiVersion, kind, spec, metadata } = experimentWith();
const { name, namespace, uid = '' } = metadata;
const object = (fields: object): ExperimentObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace, uid },
  spec: { ...spec, ...fields },
});

const BROKEN = { findings: [{ path: ['spec', 'loss'], message: 'is no loss', fix: 'Name one' }] };

describe('an experiment that began under other rules', () => {
  it('goes on as it is, whatever is said of its learning', () => {
    const odd = { model: { name: 'Perceptron' }, loss: 'none', dataset: { uri: 'data', classes: 'foot-bones', split: { folds: 3 } } };
    expect(runnable(BROKEN, object(odd), true)).toMatchObject({
      experiment: { metadata: { name: 'wrist', uid: 'u1' }, spec: { ...odd, run: spec.run, placement: spec.placement } },
    });
  });

  it.each([
    ['how it is to run', { run: { parallelism: 'all' } }],
    ['where', { placement: { gpus: 99 } }],
    ['how many folds it has', { dataset: { uri: 'data', split: { folds: 'some' } } }],
  ])('does not where nobody can tell %s', (_what, fields) => {
    expect(runnable(BROKEN, object(fields), true)).toBe(BROKEN);
  });

  it('has begun', () => {
    expect(runnable(BROKEN, object({}), false)).toBe(BROKEN);
  });

  it('is as it was judged where it breaks no rule', () => {
    const judged = { experiment: experimentWith(), unknown: [] };
    expect(runnable(judged, object({}), true)).toBe(judged);
  });
});
