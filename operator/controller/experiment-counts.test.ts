import { FRESH_STAGE, type StageStatus } from '@carpal/configs/experiment-status.ts';
import { describe, expect, it } from 'vitest';
import { countExperiments, countStages } from './experiment-counts.ts';
import type { KeptExperiment } from './experiment-object.ts';

const stage = (state: StageStatus['state']): StageStatus => ({ ...FRESH_STAGE, state });

function running(state: string, folds: readonly StageStatus['state'][], gpus: number): KeptExperiment {
  const metadata = { name: 'wrist' };
  const status = {
    conditions: [],
    state,
    prepare: stage('Succeeded'),
    folds: folds.map((fold, index) => ({ index, ...stage(fold) })),
    ensemble: stage('Waiting'),
  };
  return { metadata, object: { metadata, spec: { placement: { gpus } }, status } } as unknown as KeptExperiment;
}

const ended = (failed: boolean): KeptExperiment => ({
  metadata: { name: 'done' },
  ended: { ttlAfterFinished: '14d', failed },
});

const experiments = [
  running('Training', ['Running', 'Running', 'Pending', 'Waiting'], 2),
  running('Training', ['Pending', 'Succeeded'], 1),
  ended(true),
  ended(false),
  { metadata: { name: 'new' }, object: { metadata: { name: 'new' } } },
];

describe('what the experiments of a cluster are about', () => {
  it('is told by state, also where there is none', () => {
    expect(countExperiments(experiments)).toEqual({
      Pending: 1,
      Preparing: 0,
      Queued: 0,
      Training: 2,
      Ensembling: 0,
      Suspended: 0,
      Complete: 1,
      Failed: 1,
    });
  });

  it('is told by stage for stages with an attempt, with the GPUs that they ask for', () => {
    expect(countStages(experiments)).toEqual([
      { stage: 'fold', state: 'Running', count: 2, gpus: 4 },
      { stage: 'fold', state: 'Pending', count: 2, gpus: 3 },
    ]);
  });

  it('takes a prepared status that was never written whole', () => {
    const half = {
      metadata: { name: 'half' },
      object: { metadata: { name: 'half' }, status: { conditions: [] } },
    } as unknown as KeptExperiment;
    expect(countStages([half])).toEqual([]);
  });
});
