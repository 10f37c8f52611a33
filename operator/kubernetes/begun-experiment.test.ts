import { describe, expect, it } from 'vitest';
import { plan } from '../experiment/plan.ts';
import { at, attempt, experimentWith, PREPARE, seen } from '../testing/builders.ts';
import { begunExperiment, hasBegun } from './begun-experiment.ts';
import type { ExperimentObject } from './experiment-object.ts';

const { apiVersion, kind, spec, metadata } = experimentWith();
const { name, namespace, uid = '' } = metadata;
const object = (fields: object): ExperimentObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace, uid },
  spec: { ...spec, ...fields },
});

const BEGUN = plan(experimentWith(), seen([]), at(0)).status;

describe('an experiment that began under other rules', () => {
  it('goes on as it is, whatever is said of its learning', () => {
    const odd = { model: { name: 'Perceptron' }, loss: 'none', dataset: { uri: 'data', classes: 'foot-bones', split: { folds: 3 } } };
    const begun = begunExperiment(object(odd), BEGUN);
    expect(begun).toMatchObject({ metadata: { name: 'wrist', uid: 'u1' }, spec: { ...odd, run: spec.run, placement: spec.placement } });
  });

  it.each([
    ['how it is to run', { run: { parallelism: 'all' } }],
    ['where', { placement: { gpus: 99 } }],
    ['how many folds it has', { dataset: { uri: 'data', split: { folds: 'some' } } }],
  ])('does not where nobody can tell %s', (_what, fields) => {
    expect(begunExperiment(object(fields), BEGUN)).toBeUndefined();
  });

  it('has begun', () => {
    expect(begunExperiment(object({}), undefined)).toBeUndefined();
  });

  it('has an attempt, or is about to', () => {
    expect(hasBegun(undefined)).toBe(false);
    expect(hasBegun(plan(experimentWith({ suspend: true }), seen([]), at(0)).status)).toBe(false);
    expect(hasBegun(plan(experimentWith(), seen([]), at(0)).status)).toBe(true);
    expect(hasBegun(plan(experimentWith(), seen([attempt(PREPARE, 1, {})]), at(0)).status)).toBe(true);
  });
});
