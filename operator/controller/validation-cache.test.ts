import { API_VERSION, KIND } from '@carpal/configs/schema/experiment.ts';
import { silentLog } from '@carpal/kubernetes/runtime/logger.ts';
import { at, experimentWith, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { plan } from '../experiment/plan.ts';
import type { ExperimentObject } from './experiment-object.ts';
import { runnable, ValidationCache } from './validation-cache.ts';

const { status: BEGUN } = plan(experimentWith(), seen([]), at(0));
const { run: RUN, placement: PLACEMENT } = experimentWith().spec;

const object = (generation: number, folds: number, uid = 'u1'): ExperimentObject => ({
  apiVersion: API_VERSION,
  kind: KIND,
  metadata: { name: 'wrist', namespace: 'team', uid, generation },
  spec: { dataset: { uri: '/data', split: { folds } }, model: { name: 'UNet' } },
});

describe('a validation cache', () => {
  it('validates an object once per generation', () => {
    const cache = new ValidationCache(['hand-bones'], silentLog);
    const first = cache.check(object(1, 3), undefined);
    expect(first).toMatchObject({ experiment: { spec: { dataset: { split: { folds: 3 } } } } });
    expect(cache.check(object(1, 3), undefined)).toBe(first);
    expect(cache.check(object(2, 4), undefined)).toMatchObject({ experiment: { spec: { dataset: { split: { folds: 4 } } } } });
  });

  it('also caches findings', () => {
    const cache = new ValidationCache(['hand-bones'], silentLog);
    const wrong = cache.check(object(1, -1), undefined);
    expect(wrong).toHaveProperty('findings');
    expect(cache.check(object(1, -1), undefined)).toBe(wrong);
  });

  it('accepts an experiment that began under other rules, and rejects one that has not begun and breaks the current rules', () => {
    const cache = new ValidationCache(['hand-bones'], silentLog);
    const { spec, ...rest } = object(1, 3);
    const old = { ...rest, spec: { ...(spec as object), loss: 'none', run: RUN, placement: PLACEMENT } };
    const begun = cache.check(old, BEGUN);
    expect(begun).toMatchObject({ experiment: { spec: { loss: 'none' } } });
    expect(cache.check(old, BEGUN)).toBe(begun);
    expect(cache.check(old, undefined)).toHaveProperty('findings');
  });

  it('logs once that it ignores unknown fields, or that an experiment continues although it breaks a rule', () => {
    const lines: object[] = [];
    const add = (fields: object): void => void lines.push(fields);
    const cache = new ValidationCache(['hand-bones'], { ...silentLog, info: add, warn: add });
    const { spec, ...rest } = object(1, 3);
    const newer = { ...rest, spec: { ...(spec as object), sweep: { of: 'rates' } } };
    for (let look = 0; look < 2; look++) cache.check(newer, undefined);
    expect(lines).toEqual([{ experiment: 'team/wrist', fields: ['spec.sweep'] }]);
    const odd = (generation: number): ExperimentObject => ({ ...object(generation, 3), spec: { ...experimentWith().spec, loss: 'none' } });
    cache.check(odd(2), BEGUN);
    cache.check(odd(3), undefined);
    cache.check(object(4, -1), BEGUN);
    expect(lines.slice(1)).toEqual([{ experiment: 'team/wrist', mistakes: [expect.stringMatching(/^spec\.loss /)] }]);
  });
});

const { apiVersion, kind, spec, metadata } = experimentWith();
const { name, namespace, uid = '' } = metadata;
const objectWith = (fields: object): ExperimentObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace, uid },
  spec: { ...spec, ...fields },
});

const BROKEN = { findings: [{ path: ['spec', 'loss'], message: 'is not a loss', fix: 'Name one' }] };

describe('an experiment that began under other rules', () => {
  it('continues unchanged, whatever problems its training fields have', () => {
    const odd = { model: { name: 'Perceptron' }, loss: 'none', dataset: { uri: 'data', classes: 'foot-bones', split: { folds: 3 } } };
    expect(runnable(BROKEN, objectWith(odd), true)).toMatchObject({
      experiment: { metadata: { name: 'wrist', uid: 'u1' }, spec: { ...odd, run: spec.run, placement: spec.placement } },
    });
  });

  it.each([
    ['the field for how it runs', { run: { parallelism: 'all' } }],
    ['the field for where it runs', { placement: { gpus: 99 } }],
    ['how it predicts masks', { inference: { ...spec.inference, tta: ['shear'] } }],
    ['how the folds become a submission', { ensemble: { ...spec.ensemble, method: 'median' } }],
    ['the number of its folds', { dataset: { uri: 'data', split: { folds: 'some' } } }],
  ])('does not continue if %s is invalid', (_what, fields) => {
    expect(runnable(BROKEN, objectWith(fields), true)).toBe(BROKEN);
  });

  it('does not continue if it has not begun', () => {
    expect(runnable(BROKEN, objectWith({}), false)).toBe(BROKEN);
  });

  it('uses the result of the validation if it breaks no rule', () => {
    const checked = { experiment: experimentWith(), unknown: [] };
    expect(runnable(checked, objectWith({}), true)).toBe(checked);
  });
});
