import { API_VERSION, KIND } from '@carpal/configs/schema/experiment.ts';
import { silentLog } from '@carpal/kubernetes/runtime/logger.ts';
import { at, experimentWith, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { plan } from '../experiment/plan.ts';
import type { ExperimentObject } from './experiment-object.ts';
import { createJudgements } from './judgements.ts';

const { status: BEGUN } = plan(experimentWith(), seen([]), at(0));
const { run: RUN, placement: PLACEMENT } = experimentWith().spec;

const object = (generation: number, folds: number, uid = 'u1'): ExperimentObject => ({
  apiVersion: API_VERSION,
  kind: KIND,
  metadata: { name: 'wrist', namespace: 'team', uid, generation },
  spec: { dataset: { uri: '/data', split: { folds } }, model: { name: 'UNet' } },
});

describe('judgements of experiments', () => {
  it('are asked for once for each generation of each object', () => {
    const judgements = createJudgements(['hand-bones'], silentLog);
    const first = judgements.of(object(1, 3), undefined);
    expect(first).toMatchObject({ experiment: { spec: { dataset: { split: { folds: 3 } } } } });
    expect(judgements.of(object(1, 3), undefined)).toBe(first);
    expect(judgements.of(object(2, 4), undefined)).toMatchObject({ experiment: { spec: { dataset: { split: { folds: 4 } } } } });
    // The same name created again begins at the first generation too.
    const second = judgements.of(object(2, 5, 'u2'), undefined);
    expect(second).toMatchObject({ experiment: { metadata: { uid: 'u2' } } });
    judgements.forget('u2');
    expect(judgements.of(object(2, 5, 'u2'), undefined)).not.toBe(second);
  });

  it('keep what is wrong with one, too', () => {
    const judgements = createJudgements(['hand-bones'], silentLog);
    const wrong = judgements.of(object(1, -1), undefined);
    expect(wrong).toHaveProperty('findings');
    expect(judgements.of(object(1, -1), undefined)).toBe(wrong);
  });

  it('keep how one goes on that has begun under other rules, and do not let it begin under them', () => {
    const judgements = createJudgements(['hand-bones'], silentLog);
    const { spec, ...rest } = object(1, 3);
    const old = { ...rest, spec: { ...(spec as object), loss: 'none', run: RUN, placement: PLACEMENT } };
    const begun = judgements.of(old, BEGUN);
    expect(begun).toMatchObject({ experiment: { spec: { loss: 'none' } } });
    expect(judgements.of(old, BEGUN)).toBe(begun);
    expect(judgements.of(old, undefined)).toHaveProperty('findings');
  });

  it('are logged once where fields of a newer definition are passed over, or an experiment goes on under rules that it breaks', () => {
    const lines: object[] = [];
    const add = (fields: object): void => void lines.push(fields);
    const judgements = createJudgements(['hand-bones'], { ...silentLog, info: add, warn: add });
    const { spec, ...rest } = object(1, 3);
    const newer = { ...rest, spec: { ...(spec as object), sweep: { of: 'rates' } } };
    for (let look = 0; look < 2; look++) judgements.of(newer, undefined);
    expect(lines).toEqual([{ experiment: 'team/wrist', fields: ['spec.sweep'] }]);
    judgements.of(object(1, -1, 'old'), BEGUN);
    judgements.of(object(1, -1, 'new'), undefined);
    expect(lines.slice(1)).toEqual([{ experiment: 'team/wrist', mistakes: [expect.stringMatching(/^spec\.dataset\.split\.folds /)] }]);
  });
});
