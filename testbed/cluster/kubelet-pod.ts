/** The fields of a pod that a kubelet reads, and the status that it writes. */
import type { ContainerState, ObjectCondition, ObjectMeta, Pod } from '@carpal/kubernetes/api/objects.ts';

export type KeySelector = { readonly name: string; readonly key: string; readonly optional?: boolean };

export type EnvironmentVariable = {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly secretKeyRef?: KeySelector;
    readonly configMapKeyRef?: KeySelector;
  };
};

export type KubeletContainer = {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly env?: readonly EnvironmentVariable[];
  readonly envFrom?: readonly { readonly prefix?: string; readonly secretRef?: ObjectName; readonly configMapRef?: ObjectName }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly subPath?: string }[];
  readonly terminationMessagePolicy?: 'File' | 'FallbackToLogsOnError';
};

type ObjectName = { readonly name: string; readonly optional?: boolean };

export type KubeletVolume = {
  readonly name: string;
  readonly configMap?: ObjectName;
  readonly secret?: { readonly secretName: string; readonly optional?: boolean };
  readonly emptyDir?: object;
  readonly hostPath?: { readonly path: string };
  readonly persistentVolumeClaim?: { readonly claimName: string };
};

export type KubeletPod = Pod & {
  readonly metadata: ObjectMeta & { readonly namespace: string; readonly uid: string };
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly KubeletContainer[];
    readonly volumes?: readonly KubeletVolume[];
    readonly terminationGracePeriodSeconds?: number;
    readonly activeDeadlineSeconds?: number;
  };
};

/** How a container ended. */
export type PodEnd = {
  readonly exitCode: number;
  /** `OOMKilled`, `StartError`, … Default: `Completed` or `Error`, by the exit code. */
  readonly reason?: string;
  /** The last lines of the log of a container that failed. */
  readonly message?: string;
};

/** The state of the container. */
export type ContainerPhase =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message?: string }
  | { readonly kind: 'running'; readonly startedAt: string }
  | { readonly kind: 'ended'; readonly end: PodEnd; readonly startedAt?: string; readonly finishedAt: string };

/** Why the kubelet ended the pod. */
export type PodEndReason = {
  /** `Evicted`, `DeadlineExceeded`. */
  readonly reason?: string;
  readonly message?: string;
  /** A further condition of the pod: DisruptionTarget. */
  readonly condition?: ObjectCondition;
};

/** The conditions that the kubelet owns. It does not change the others. */
const OWN_CONDITIONS = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady'];

/** A time as the API stores it: in whole seconds. */
export function apiTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

function containerState(phase: ContainerPhase): ContainerState {
  switch (phase.kind) {
    case 'waiting':
      return { waiting: { reason: phase.reason, ...(phase.message === undefined ? {} : { message: phase.message }) } };
    case 'running':
      return { running: { startedAt: phase.startedAt } };
    case 'ended': {
      const { end, finishedAt, startedAt = finishedAt } = phase;
      const { exitCode, message } = end;
      const reason = end.reason ?? (exitCode === 0 ? 'Completed' : 'Error');
      return { terminated: { exitCode, reason, startedAt, finishedAt, ...(message === undefined || message === '' ? {} : { message }) } };
    }
  }
}

function podPhase(phase: ContainerPhase, endReason: PodEndReason): 'Pending' | 'Running' | 'Succeeded' | 'Failed' {
  if (phase.kind === 'waiting') return 'Pending';
  if (phase.kind === 'running') return 'Running';
  return phase.end.exitCode === 0 && endReason.reason === undefined ? 'Succeeded' : 'Failed';
}

function conditions(pod: KubeletPod, phase: ContainerPhase, endReason: PodEndReason, now: string): readonly ObjectCondition[] {
  const before = pod.status?.conditions ?? [];
  const isReady = phase.kind === 'running';
  const ended = podPhase(phase, endReason) === 'Succeeded' ? 'PodCompleted' : 'PodFailed';
  const unready = { reason: phase.kind === 'ended' ? ended : 'ContainersNotReady' };
  const values: readonly Omit<ObjectCondition, 'lastTransitionTime'>[] = [
    { type: 'PodReadyToStartContainers', status: isReady ? 'True' : 'False' },
    { type: 'Initialized', status: 'True' },
    { type: 'Ready', status: isReady ? 'True' : 'False', ...(isReady ? {} : unready) },
    { type: 'ContainersReady', status: isReady ? 'True' : 'False', ...(isReady ? {} : unready) },
    ...(endReason.condition === undefined ? [] : [endReason.condition]),
  ];
  const replaced = new Set([...OWN_CONDITIONS, endReason.condition?.type]);
  const stamped = values.map((value): ObjectCondition => {
    const former = before.find(({ type, status }) => type === value.type && status === value.status);
    return { ...value, lastTransitionTime: former?.lastTransitionTime ?? now };
  });
  return [...before.filter(({ type }) => !replaced.has(type)), ...stamped];
}

/**
 * The pod's whole status for this state of its container, as a merge patch. Conditions of other writers (PodScheduled, DisruptionTarget)
 * stay.
 */
export function podStatus(pod: KubeletPod, phase: ContainerPhase, endReason: PodEndReason, now: string): object {
  const container = pod.spec.containers[0];
  return {
    phase: podPhase(phase, endReason),
    startTime: pod.status?.startTime ?? now,
    conditions: conditions(pod, phase, endReason, now),
    ...(endReason.reason === undefined ? {} : { reason: endReason.reason, message: endReason.message ?? '' }),
    containerStatuses: [
      {
        name: container?.name ?? '',
        image: container?.image ?? '',
        imageID: '',
        ready: phase.kind === 'running',
        started: phase.kind === 'running',
        restartCount: 0,
        state: containerState(phase),
      },
    ],
  };
}
