/** Where each stage runs and what it gets: the manifest's placement, the overrides of a stage, and the operator's defaults. */
import { createHash } from 'node:crypto';
import { withoutUndefined, withSortedKeys } from '@carpal/configs/json.ts';
import type { PlacementSpec, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { StageName } from '@carpal/configs/schema/progress.ts';
import type { StageSettings } from './stage-settings.ts';

/** Texts are empty if nothing is named. */
export type StagePlacement = Omit<PlacementSpec, 'prepare' | 'ensemble' | 'serviceAccountName'> & {
  /** Annotations of the pod that keep autoscalers from moving it. */
  readonly annotations: Readonly<Record<string, string>>;
};

/**
 * The placement of a stage. Folds get spec.placement. The ensemble predicts as the folds do: it gets their placement, overridden by
 * placement.ensemble. prepare gets the operator's defaults for a stage without a GPU, overridden by placement.prepare.
 */
export function placementOf(
  { spec: { placement } }: SegmentationExperiment,
  stage: StageName,
  { cpuStage }: Pick<StageSettings, 'cpuStage'>,
): StagePlacement {
  const { prepare, ensemble, serviceAccountName: _account, ...folds } = placement;
  const elsewhere = { gpus: 0, nodeSelector: {}, tolerations: [], priorityClassName: '', queueName: '', workloadPriorityClass: '' };
  const placed = {
    prepare: { ...folds, ...elsewhere, ...cpuStage, ...withoutUndefined(prepare ?? {}) },
    fold: folds,
    ensemble: { ...folds, ...withoutUndefined(ensemble ?? {}) },
  }[stage];
  const stays = stage === 'fold' || placed.gpus > 0;
  return { ...placed, tolerations: tolerationsOf(placed), annotations: stays ? STAYS : {} };
}

const HASH_DIGITS = 10;

/** A short hash of a placement, which differs whenever it differs. */
export function placementHash(placement: StagePlacement): string {
  return createHash('sha256')
    .update(JSON.stringify(withSortedKeys(placement)))
    .digest('hex')
    .slice(0, HASH_DIGITS);
}

/**
 * Autoscalers must not move a fold to empty a half-used node: that would cost the start of a GPU node and everything since the last
 * checkpoint. Spot reclaims and node failures happen anyway.
 */
const STAYS = { 'karpenter.sh/do-not-disrupt': 'true', 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' };

const GPU_TOLERATION: PlacementSpec['tolerations'][number] = { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' };

/** The manifest's tolerations. With GPUs also the one for the taint that keeps other pods off GPU nodes. */
function tolerationsOf({ tolerations, gpus }: Pick<PlacementSpec, 'tolerations' | 'gpus'>): PlacementSpec['tolerations'] {
  const isNamed = tolerations.some(({ key }) => key === GPU_TOLERATION.key);
  return gpus > 0 && !isNamed ? [...tolerations, GPU_TOLERATION] : tolerations;
}
