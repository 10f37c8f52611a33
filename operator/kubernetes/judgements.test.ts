import { API_VERSION, KIND } from '@carpal/configs/schema/experiment.ts';
import { describe, expect, it } from 'vitest';
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
});
