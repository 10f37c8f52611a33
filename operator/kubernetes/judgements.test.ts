import { API_VERSION, KIND } from '@carpal/configs/schema/experiment.ts';
import { describe, expect, it } from 'vitest';
import { plan } from '../experiment/plan.ts';
import { at, experimentWith, seen } from '../testing/builders.ts';
import type { ExperimentObject } from './experiment-object.ts';
import { createJudgements } from './judgements.ts';
import { silentLog } from './runtime/logger.ts';

const object = (generation: number, folds: number, uid = 'u1'): ExperimentObject => ({
  apiVersion: API_VERSION,
  kind: KIND,
  metadata: { name: 'wrist', namespace: 'team', uid, generation },
  spec: { dataset: { uri: '/data', split: { folds } }, model: { name: 'UNet' } },
});

describe('judgements of experiments', () => {
  it('are asked for once for each generation of each object', () => {
    const judgements = createJudgements(['hand-bones'], silentLog);
    const first = judgements.of('team/wrist', object(1, 3));
    expect(first).toMatchObject({ experiment: { spec: { dataset: { split: { folds: 3 } } } } });
    expect(judgements.of('team/wrist', object(1, 3))).toBe(first);
    expect(judgements.of('team/wrist', object(2, 4))).toMatchObject({ experiment: { spec: { dataset: { split: { folds: 4 } } } } });
    // The same name created again begins at the first generation too.
    expect(judgements.of('team/wrist', object(2, 5, 'u2'))).toMatchObject({ experiment: { metadata: { uid: 'u2' } } });
    judgements.forget('team/wrist');
    expect(judgements.of('team/wrist', object(2, 5, 'u2'))).not.toBe(first);
  });

  it('keep what is wrong with one, too', () => {
    const judgements = createJudgements(['hand-bones'], silentLog);
    const wrong = judgements.of('team/wrist', object(1, -1));
    expect(wrong).toHaveProperty('findings');
    expect(judgements.of('team/wrist', object(1, -1))).toBe(wrong);
  });

  it('are logged once where fields of a newer definition are passed over, or an experiment goes on under rules that it breaks', () => {
    const lines: object[] = [];
    const add = (fields: object): void => void lines.push(fields);
    const judgements = createJudgements(['hand-bones'], { ...silentLog, info: add, warn: add });
    const { spec, ...rest } = object(1, 3);
    const newer = { ...rest, spec: { ...(spec as object), sweep: { of: 'rates' } } };
    for (let look = 0; look < 2; look++) judgements.of('team/wrist', newer);
    expect(lines).toEqual([{ experiment: 'team/wrist', fields: ['spec.sweep'] }]);
    const { status } = plan(experimentWith(), seen([]), at(0));
    judgements.of('team/old', { ...object(1, -1), status });
    judgements.of('team/new', object(1, -1));
    expect(lines.slice(1)).toEqual([{ experiment: 'team/old', mistakes: [expect.stringMatching(/^spec\.dataset\.split\.folds /)] }]);
  });
});
