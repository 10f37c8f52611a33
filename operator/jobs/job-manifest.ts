/** The Job of one attempt. */
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { KubernetesObject } from '@carpal/kubernetes/api/objects.ts';
import type { PlannedStart } from '../experiment/next-starts.ts';
import { ownedBy } from './owner.ts';
import { type PodTemplate, podTemplate, STAGE_CONTAINER } from './pod-template.ts';
import { attemptLabels, QUEUE_LABEL } from './stage-labels.ts';
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
 * Every end fails the Job, whose condition then says which rule it was and with what exit code, also when the pod is gone. `Ignore` would
 * start a further pod without a budget; that decision is the planner's. The first rule that fits counts: what the stage says of its own data
 * outweighs a node that was being drained meanwhile.
 */
const FAILURE_POLICY = {
  rules: [
    onExit({ operator: 'In', values: [64, 65, 78] }),
    { action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    onExit({ operator: 'In', values: [75] }),
    onExit({ operator: 'NotIn', values: [64, 65, 75, 78] }),
  ],
};

function queueOf(experiment: SegmentationExperiment, { stage }: PlannedStart, settings: StageSettings): string {
  return stage === 'fold' ? experiment.spec.placement.queueName : (settings.cpuStage.queueName ?? '');
}

/**
 * The Job to create. No time to live of its own: its owner would see a missing child. Under a queue it begins suspended, and only the queue
 * lets it go.
 */
export function jobManifest(experiment: SegmentationExperiment, attempt: PlannedStart, settings: StageSettings): JobManifest {
  const queue = queueOf(experiment, attempt, settings);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: attempt.name,
      namespace: experiment.metadata.namespace,
      labels: { ...attemptLabels(experiment, attempt), ...(queue === '' ? {} : { [QUEUE_LABEL]: queue }) },
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
