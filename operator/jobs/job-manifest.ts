/** The Job of one attempt. */
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { KubernetesObject } from '@carpal/kubernetes/api/objects.ts';
import type { PlannedStart } from '../experiment/next-starts.ts';
import { specHash } from './config-map.ts';
import { attemptLabels, ownedBy, PLACEMENT_LABEL, QUEUE_LABEL, QUEUE_PRIORITY_LABEL, SPEC_LABEL } from './ownership.ts';
import { placementHash, placementOf } from './placement.ts';
import { type PodTemplate, podTemplate, STAGE_CONTAINER } from './pod-template.ts';
import type { StageSettings } from './stage-settings.ts';

export type JobManifest = KubernetesObject & {
  readonly spec: Readonly<Record<string, unknown>> & { readonly suspend?: true; readonly template: PodTemplate };
};

type ExitRule = { readonly operator: 'In' | 'NotIn'; readonly values: readonly number[] };

const onExit = ({ operator, values }: ExitRule): object => ({
  action: 'FailJob',
  onExitCodes: { containerName: STAGE_CONTAINER, operator, values },
});

/**
 * Every failure fails the Job. Its condition then names the matching rule and the exit code even after the pod is gone. `Ignore` would
 * start another pod outside of every budget; only the planner decides on another attempt. The first matching rule counts: an exit code that
 * means invalid data has priority over a node that was drained at the same time.
 */
const FAILURE_POLICY = {
  rules: [
    onExit({ operator: 'In', values: [64, 65, 78] }),
    { action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    onExit({ operator: 'In', values: [75] }),
    onExit({ operator: 'NotIn', values: [64, 65, 75, 78] }),
  ],
};

/**
 * The Job to create. It has no time to live: the planner would miss it. With a queue it is created suspended, and only the queue releases
 * it.
 */
export function jobManifest(experiment: SegmentationExperiment, attempt: PlannedStart, settings: StageSettings): JobManifest {
  const placement = placementOf(experiment, attempt.stage, settings);
  const { queueName: queue, workloadPriorityClass: priority } = placement;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: attempt.name,
      namespace: experiment.metadata.namespace,
      labels: {
        ...attemptLabels(experiment, attempt),
        [SPEC_LABEL]: specHash(experiment),
        [PLACEMENT_LABEL]: placementHash(placement),
        ...(queue === '' ? {} : { [QUEUE_LABEL]: queue }),
        // Also without a queue: Kueue may give the Job the default queue of its namespace.
        ...(priority === '' ? {} : { [QUEUE_PRIORITY_LABEL]: priority }),
      },
      ownerReferences: [ownedBy(experiment)],
    },
    spec: {
      ...(queue === '' ? {} : { suspend: true }),
      completions: 1,
      parallelism: 1,
      backoffLimit: 0,
      podReplacementPolicy: 'Failed',
      podFailurePolicy: FAILURE_POLICY,
      template: podTemplate(experiment, attempt, settings),
    },
  };
}
