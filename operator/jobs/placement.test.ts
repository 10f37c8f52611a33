import { experimentSchema, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { describe, expect, it } from 'vitest';
import { placementHash, placementOf } from './placement.ts';

const settings = { cpuStage: { cpu: '2', memory: '8Gi', queueName: 'cpu' } };
const GPU_TOLERATION = { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' };
const STAYS = { 'karpenter.sh/do-not-disrupt': 'true', 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' };

function experiment(placement: object = {}): SegmentationExperiment {
  return experimentSchema.parse({
    apiVersion: 'carpal.dev/v1alpha1',
    kind: 'SegmentationExperiment',
    metadata: { name: 'wrist', namespace: 'team-a', uid: 'u1' },
    spec: { dataset: { uri: 's3://data/hand-bones' }, model: { name: 'UNet' }, placement },
  });
}

const FOLDS = {
  gpus: 2,
  cpu: '6',
  memory: '40Gi',
  ephemeralStorage: '20Gi',
  nodeSelector: { 'carpal.dev/pool': 'v100' },
  tolerations: [{ key: 'spot', operator: 'Exists' }],
  priorityClassName: 'research',
  queueName: 'gpu',
  workloadPriorityClass: 'urgent',
};

describe('the placement of a stage', () => {
  it('is spec.placement for a fold, with the taint of GPU nodes tolerated', () => {
    expect(placementOf(experiment(FOLDS), 'fold', settings)).toEqual({
      ...FOLDS,
      tolerations: [...FOLDS.tolerations, GPU_TOLERATION],
      annotations: STAYS,
    });
  });

  it('is that of the folds for the ensemble, field by field unless placement.ensemble says otherwise', () => {
    const folds = placementOf(experiment(FOLDS), 'fold', settings);
    expect(placementOf(experiment(FOLDS), 'ensemble', settings)).toEqual(folds);
    const other = { ...FOLDS, ensemble: { gpus: 0, memory: '100Gi', queueName: '', tolerations: [] } };
    expect(placementOf(experiment(other), 'ensemble', settings)).toEqual({
      ...FOLDS,
      gpus: 0,
      memory: '100Gi',
      queueName: '',
      tolerations: [],
      annotations: {},
    });
    expect(placementOf(experiment(other), 'fold', settings)).toEqual(folds);
  });

  it('is that of the operator’s settings for prepare, on any node and without a GPU', () => {
    expect(placementOf(experiment(FOLDS), 'prepare', settings)).toEqual({
      gpus: 0,
      cpu: '2',
      memory: '8Gi',
      ephemeralStorage: '20Gi',
      nodeSelector: {},
      tolerations: [],
      priorityClassName: '',
      queueName: 'cpu',
      workloadPriorityClass: '',
      annotations: {},
    });
    expect(placementOf(experiment(), 'prepare', { cpuStage: { cpu: '2', memory: '8Gi' } })).toMatchObject({ queueName: '' });
  });

  it('has the fields of placement.prepare for prepare', () => {
    const prepare = {
      gpus: 1,
      cpu: '16',
      memory: '64Gi',
      ephemeralStorage: '200Gi',
      nodeSelector: { disk: 'fast' },
      priorityClassName: 'low',
      queueName: '',
      workloadPriorityClass: 'normal',
    };
    expect(placementOf(experiment({ prepare }), 'prepare', settings)).toEqual({
      ...prepare,
      tolerations: [GPU_TOLERATION],
      annotations: STAYS,
    });
  });

  it('tolerates the taint of GPU nodes only with a GPU, and only once', () => {
    const own = { key: 'nvidia.com/gpu', operator: 'Equal', value: 'v100' };
    expect(placementOf(experiment({ gpus: 1, tolerations: [own] }), 'fold', settings).tolerations).toEqual([own]);
    expect(placementOf(experiment({ gpus: 0 }), 'fold', settings).tolerations).toEqual([]);
  });

  it('keeps autoscalers from moving a fold even if it trains on a CPU', () => {
    expect(placementOf(experiment({ gpus: 0 }), 'fold', settings).annotations).toEqual(STAYS);
  });

  it('has a hash that differs whenever the placement differs', () => {
    const hashOf = (placement: object, stage: 'prepare' | 'fold' | 'ensemble' = 'fold'): string =>
      placementHash(placementOf(experiment(placement), stage, settings));
    expect(hashOf({ nodeSelector: { a: '1', b: '2' } })).toBe(hashOf({ nodeSelector: { b: '2', a: '1' } }));
    expect(hashOf({ ensemble: { memory: '64Gi' } })).toBe(hashOf({}));
    const differing = [{}, { memory: '64Gi' }, { queueName: 'gpu' }, { nodeSelector: { a: '1' } }, { workloadPriorityClass: 'urgent' }];
    expect(new Set(differing.map((placement) => hashOf(placement))).size).toBe(differing.length);
    expect(hashOf({}, 'prepare')).not.toBe(hashOf({}));
  });
});
