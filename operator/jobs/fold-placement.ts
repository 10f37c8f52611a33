/** Where a fold's pod may and should run. */
import { LABEL } from '@carpal/configs/names.ts';
import type { PlacementSpec, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { uidOf } from './owner.ts';

type Toleration = PlacementSpec['tolerations'][number];

const GPU_TOLERATION: Toleration = { key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' };

/** The manifest's tolerations, and with a GPU the one for the taint that keeps everything else off GPU nodes. */
function tolerationsOf({ tolerations, gpus }: PlacementSpec): readonly Toleration[] {
  const named = tolerations.some(({ key }) => key === GPU_TOLERATION.key);
  return gpus > 0 && !named ? [...tolerations, GPU_TOLERATION] : tolerations;
}

/**
 * Annotations and pod fields of a fold.
 *
 * - Autoscalers must not move it of their own accord: to empty a node that is merely half used costs a GPU node's start and everything since
 *   the last checkpoint. Spot reclaims and node failures come anyway.
 * - Folds do not talk to each other, so nothing is gained by having them on one node or rack. But Spot capacity is taken back zone by zone:
 *   spread over zones, an experiment loses a few of its folds at a time and not all of them. A wish only: with GPUs in one zone alone they
 *   all run there. Nodes are left to the scheduler: pod affinity is its slowest rule, and several GPUs of one node serve several folds well.
 */
export function foldPlacement(experiment: SegmentationExperiment): {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: Readonly<Record<string, unknown>>;
} {
  const { placement } = experiment.spec;
  const tolerations = tolerationsOf(placement);
  return {
    annotations: { 'karpenter.sh/do-not-disrupt': 'true', 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' },
    spec: {
      ...(Object.keys(placement.nodeSelector).length === 0 ? {} : { nodeSelector: placement.nodeSelector }),
      ...(tolerations.length === 0 ? {} : { tolerations }),
      ...(placement.priorityClassName === '' ? {} : { priorityClassName: placement.priorityClassName }),
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'topology.kubernetes.io/zone',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: { [LABEL.experimentUid]: uidOf(experiment), [LABEL.stage]: 'fold' } },
        },
      ],
    },
  };
}
