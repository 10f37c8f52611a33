/** Jobs and pods as the operator keeps them in memory: thousands of objects, each reduced to the fields that are read. */
import { withoutUndefined } from '@carpal/configs/json.ts';
import { LABEL } from '@carpal/configs/names.ts';
import type { ContainerState, Job, ObjectCondition, ObjectMeta, Pod } from '@carpal/kubernetes/api/objects.ts';
import { PLACEMENT_LABEL, QUEUE_LABEL, SPEC_LABEL } from './ownership.ts';
import { STAGE_CONTAINER } from './pod-template.ts';

export type KeptJob = {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly suspend?: boolean };
  readonly status?: Pick<NonNullable<Job['status']>, 'ready' | 'startTime' | 'completionTime' | 'conditions'>;
};

export type KeptPod = {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly nodeName?: string };
  readonly status?: Omit<NonNullable<Pod['status']>, 'startTime'>;
};

const LABELS: readonly string[] = [
  LABEL.experiment,
  LABEL.experimentUid,
  LABEL.stage,
  LABEL.fold,
  LABEL.attempt,
  QUEUE_LABEL,
  SPEC_LABEL,
  PLACEMENT_LABEL,
];

/** Names, times, the labels of an attempt, and the owner that manages the object; all owners if none manages it. */
function keepMetadata(metadata: ObjectMeta): ObjectMeta {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  const labels = Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(([label]) => LABELS.includes(label)));
  const owners = metadata.ownerReferences ?? [];
  const managing = owners.filter(({ controller }) => controller === true);
  const kept = managing.length > 0 ? managing : owners;
  const times = { creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds };
  return {
    ...withoutUndefined({ namespace, uid, resourceVersion, ...times }),
    name,
    labels,
    ...(kept.length === 0 ? {} : { ownerReferences: kept }),
  };
}

const END_CONDITIONS: readonly string[] = ['Complete', 'Failed'];

/** All conditions of a running Job; only the final one of an ended Job. */
function keepConditions(conditions: readonly ObjectCondition[] | undefined): readonly ObjectCondition[] | undefined {
  const kept = conditions?.map(({ type, status, reason, message, lastTransitionTime }) => ({
    type,
    status,
    ...withoutUndefined({ reason, message, lastTransitionTime }),
  }));
  const end = kept?.find(({ type, status }) => END_CONDITIONS.includes(type) && status === 'True');
  return end === undefined ? kept : [end];
}

export function keepJob(job: Job): KeptJob {
  const { ready, startTime, completionTime } = job.status ?? {};
  const conditions = keepConditions(job.status?.conditions);
  return {
    metadata: keepMetadata(job.metadata),
    spec: withoutUndefined({ suspend: job.spec.suspend }),
    status: withoutUndefined({ ready, startTime, completionTime, conditions }),
  };
}

/** The Job's condition of that type if it is True. */
export function trueCondition(job: KeptJob, type: string): ObjectCondition | undefined {
  return job.status?.conditions?.find((condition) => condition.type === type && condition.status === 'True');
}

/** Whether the Job is Complete or Failed, which it becomes only after all its pods have ended. */
/**
 * The condition of a Job that has failed. It is FailureTarget for a Job that was suspended before its pod failed: since version 1.36
 * Kubernetes removes the start time of suspended Jobs, and refuses to call a Job without one Failed, so it waits until the Job is resumed.
 * Such a Job starts no pod any more, but its pod may still run.
 */
export function failedCondition(job: KeptJob): ObjectCondition | undefined {
  const isStuck = job.spec.suspend === true && job.status?.startTime === undefined;
  return trueCondition(job, 'Failed') ?? (isStuck ? trueCondition(job, 'FailureTarget') : undefined);
}

export function hasEnded(job: KeptJob): boolean {
  return trueCondition(job, 'Complete') !== undefined || failedCondition(job) !== undefined;
}

/** Conditions that show why a pod waits, and those that still matter after it has ended. */
const POD_CONDITIONS: readonly string[] = ['PodScheduled', 'PodReadyToStartContainers', 'DisruptionTarget'];
const CONDITIONS_OF_ENDED: readonly string[] = ['DisruptionTarget'];
const LONGEST_MESSAGE = 1000;
/** A kubelet keeps at most this many bytes of a container's last output. When the pod is gone, nothing else of its log is left. */
const LONGEST_TERMINATION_MESSAGE = 4096;

function keepState({ waiting, running, terminated }: ContainerState): ContainerState {
  if (terminated !== undefined) {
    const { exitCode, reason, message, startedAt, finishedAt } = terminated;
    const tail = message?.slice(-LONGEST_TERMINATION_MESSAGE);
    return { terminated: { exitCode, ...withoutUndefined({ reason, startedAt, finishedAt, message: tail }) } };
  }
  if (running !== undefined) return { running };
  if (waiting === undefined) return {};
  return { waiting: withoutUndefined({ reason: waiting.reason, message: waiting.message?.slice(0, LONGEST_MESSAGE) }) };
}

export function keepPod(pod: Pod): KeptPod {
  const { phase, reason, message, conditions, containerStatuses } = pod.status ?? {};
  const kept = phase === 'Succeeded' || phase === 'Failed' ? CONDITIONS_OF_ENDED : POD_CONDITIONS;
  const stage = containerStatuses?.find(({ name }) => name === STAGE_CONTAINER);
  return {
    metadata: keepMetadata(pod.metadata),
    spec: withoutUndefined({ nodeName: pod.spec.nodeName }),
    status: withoutUndefined({
      phase,
      reason,
      message: message?.slice(0, LONGEST_MESSAGE),
      conditions: conditions?.filter(({ type }) => kept.includes(type)),
      containerStatuses: stage === undefined ? undefined : [{ name: stage.name, ...(stage.state && { state: keepState(stage.state) }) }],
    }),
  };
}

export function podCondition({ status }: KeptPod, type: string): ObjectCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** The state of the container in which the stage runs. */
export function stageState({ status }: KeptPod): ContainerState {
  return status?.containerStatuses?.find(({ name }) => name === STAGE_CONTAINER)?.state ?? {};
}

/** Whether all containers of the pod have ended. */
export function podHasEnded({ status }: KeptPod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}
