/** What the operator keeps of a pod. */
import type { ContainerState, ObjectCondition, ObjectMeta, Pod } from '@carpal/kubernetes/api/objects.ts';
import { keepMetadata, known } from './kept-metadata.ts';
import { STAGE_CONTAINER } from './pod-template.ts';

export type KeptPod = {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly nodeName?: string };
  readonly status?: Omit<NonNullable<Pod['status']>, 'startTime'>;
};

/** What tells why a pod waits, and what of it still matters when it has ended. */
const CONDITIONS: readonly string[] = ['PodScheduled', 'PodReadyToStartContainers', 'DisruptionTarget'];
const CONDITIONS_OF_ENDED: readonly string[] = ['DisruptionTarget'];
const LONGEST_MESSAGE = 1000;
/** What a kubelet gives at most of what a container said at its end: all that is left of it once its pod is gone. */
const LONGEST_END = 4096;

function keepState({ waiting, running, terminated }: ContainerState): ContainerState {
  if (terminated !== undefined) {
    const { exitCode, reason, message, startedAt, finishedAt } = terminated;
    return { terminated: { exitCode, ...known({ reason, startedAt, finishedAt, message: message?.slice(-LONGEST_END) }) } };
  }
  if (running !== undefined) return { running };
  return waiting === undefined ? {} : { waiting: known({ reason: waiting.reason, message: waiting.message?.slice(0, LONGEST_MESSAGE) }) };
}

export function keepPod(pod: Pod): KeptPod {
  const { phase, reason, message, conditions, containerStatuses } = pod.status ?? {};
  const telling = phase === 'Succeeded' || phase === 'Failed' ? CONDITIONS_OF_ENDED : CONDITIONS;
  const stage = containerStatuses?.find(({ name }) => name === STAGE_CONTAINER);
  return {
    metadata: keepMetadata(pod.metadata),
    spec: known({ nodeName: pod.spec.nodeName }),
    status: known({
      phase,
      reason,
      message: message?.slice(0, LONGEST_MESSAGE),
      conditions: conditions?.filter(({ type }) => telling.includes(type)),
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

/** Whether nothing of the pod runs any more. */
export function isOver({ status }: KeptPod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}
