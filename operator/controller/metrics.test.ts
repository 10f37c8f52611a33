import { FRESH_STAGE, type StageStatus } from '@carpal/configs/schema/status.ts';
import { describe, expect, it } from 'vitest';
import type { KeptExperiment } from './experiment-object.ts';
import { countExperiments, countHeld, countStages, createMetrics } from './metrics.ts';

const samples = async (page: Promise<string>, ...names: readonly string[]): Promise<readonly string[]> =>
  (await page).split('\n').filter((line) => names.some((name) => line.startsWith(`${name}{`) || line.startsWith(`${name} `)));

const OF_THE_CLUSTER = [
  'carpal_experiments',
  'carpal_experiments_held',
  'carpal_stages',
  'carpal_gpus',
  'carpal_reflector_objects',
  'carpal_queue_depth',
  'carpal_events_waiting',
];

describe('the metrics page of a replica', () => {
  it('reports the cluster only while the replica leads: otherwise the page would show outdated values forever', async () => {
    const metrics = createMetrics();
    const stats = { lists: 1, watches: 1, events: 5, relists: 0, repairs: 0, errors: 0 };
    metrics.leading(true);
    metrics.followQueue({ size: 7 });
    metrics.followReflector('jobs', { stats, size: 40 });
    metrics.followExperiments(() => ({ Training: 3 }));
    metrics.followHeld(() => ({ ManifestNotUnderstood: 2, NamespaceNotOptedIn: 1 }));
    metrics.followStages(() => [{ stage: 'fold', state: 'Running', count: 5, gpus: 10 }]);
    metrics.followEvents({ written: 9, lost: 1, waiting: 2 });
    expect(await samples(metrics.page(), ...OF_THE_CLUSTER)).toEqual([
      'carpal_reflector_objects{resource="jobs"} 40',
      'carpal_queue_depth 7',
      'carpal_events_waiting 2',
      'carpal_experiments{state="Training"} 3',
      'carpal_experiments_held{reason="ManifestNotUnderstood"} 2',
      'carpal_experiments_held{reason="NamespaceNotOptedIn"} 1',
      'carpal_stages{stage="fold",state="Running"} 5',
      'carpal_gpus{state="Running"} 10',
    ]);
    metrics.leading(false);
    expect(await samples(metrics.page(), ...OF_THE_CLUSTER)).toEqual([
      'carpal_queue_depth 0',
      'carpal_events_waiting 0',
      'carpal_experiments_held{reason="ManifestNotUnderstood"} 0',
      'carpal_experiments_held{reason="NamespaceNotOptedIn"} 0',
    ]);
    const counted = ['carpal_leader', 'carpal_events_total'];
    expect(await samples(metrics.page(), ...counted)).toEqual([
      'carpal_leader 0',
      'carpal_events_total{outcome="written"} 9',
      'carpal_events_total{outcome="lost"} 1',
    ]);
    metrics.followEvents({ written: 1, lost: 0, waiting: 0 });
    expect(await samples(metrics.page(), 'carpal_events_total')).toEqual([
      'carpal_events_total{outcome="written"} 10',
      'carpal_events_total{outcome="lost"} 1',
    ]);
  });
});

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
  deletionRemovesArtifacts: false,
  metadata: { name: 'done' },
  ended: { ttlAfterFinished: '14d', failed },
});

const experiments = [
  running('Training', ['Running', 'Running', 'Pending', 'Waiting'], 2),
  running('Training', ['Pending', 'Succeeded'], 1),
  ended(true),
  ended(false),
  { deletionRemovesArtifacts: false, metadata: { name: 'new' }, object: { metadata: { name: 'new' } } },
];

describe('ended attempts', () => {
  it('are counted with the GPU time that they used', async () => {
    const metrics = createMetrics();
    metrics.stageEnded('fold', 'succeeded');
    metrics.gpuSeconds(3600);
    expect(await samples(metrics.page(), 'carpal_stage_attempts_total', 'carpal_gpu_seconds_total')).toEqual([
      'carpal_stage_attempts_total{stage="fold",outcome="succeeded"} 1',
      'carpal_gpu_seconds_total 3600',
    ]);
  });
});

describe('the experiments of a cluster', () => {
  it('are counted by state, with 0 for a state without experiments', () => {
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

  it('are counted as held if their manifest is not understood, or if they have not ended and may not be written', () => {
    const misunderstood = {
      metadata: { name: 'new', namespace: 'b' },
      object: { metadata: { name: 'new' }, status: { conditions: [{ type: 'Held', status: 'True' }] } },
    } as unknown as KeptExperiment;
    expect(countHeld([...experiments, misunderstood], (namespace) => namespace === 'default')).toEqual({
      ManifestNotUnderstood: 1,
      NamespaceNotOptedIn: 3,
    });
  });

  it('have their started stages counted by stage and state, with the GPUs that these stages request', () => {
    expect(countStages(experiments)).toEqual([
      { stage: 'fold', state: 'Running', count: 2, gpus: 4 },
      { stage: 'fold', state: 'Pending', count: 2, gpus: 3 },
    ]);
  });

  it('have the GPUs of prepare and the ensemble counted as these stages request them', () => {
    const [world] = [running('Training', ['Succeeded'], 2)];
    const withStages = (states: object, placement: object): KeptExperiment =>
      ({
        ...world,
        object: { ...world?.object, spec: { placement }, status: { ...world?.object?.status, ...states } },
      }) as unknown as KeptExperiment;
    const ensemble = { ensemble: stage('Running') };
    expect(countStages([withStages(ensemble, { gpus: 2 })])).toMatchObject([{ stage: 'ensemble', gpus: 2 }]);
    expect(countStages([withStages(ensemble, { gpus: 2, ensemble: { gpus: 1 } })])).toMatchObject([{ stage: 'ensemble', gpus: 1 }]);
    expect(countStages([withStages(ensemble, {})])).toMatchObject([{ stage: 'ensemble', gpus: 1 }]);
    const prepare = { prepare: stage('Pending') };
    expect(countStages([withStages(prepare, { gpus: 2 })])).toMatchObject([{ stage: 'prepare', gpus: 0 }]);
    expect(countStages([withStages(prepare, { prepare: { gpus: 1 } })])).toMatchObject([{ stage: 'prepare', gpus: 1 }]);
  });

  it('are counted even if a status is incomplete', () => {
    const half = {
      metadata: { name: 'half' },
      object: { metadata: { name: 'half' }, status: { conditions: [] } },
    } as unknown as KeptExperiment;
    expect(countStages([half])).toEqual([]);
  });
});
