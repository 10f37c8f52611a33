/** Jobs and pods of one attempt, as the API server 1.36 writes them. Times are seconds since the start of the test. */
import { LABEL } from '@carpal/configs/names.ts';
import type { ContainerState, Job, ObjectCondition, Pod } from '@carpal/kubernetes/api/objects.ts';
import type { KubeletPod } from '../cluster/kubelet-pod.ts';
import { at } from './builders.ts';

const JOB_NAME = 'wrist-fold-0-1';
const JOB_UID = '5d0cbd38-6f3b-4c27-9b44-21a4f7b2f6a0';

/** A time in whole seconds, as Kubernetes writes it. */
export const time = (seconds: number): string => at(seconds).toISOString().replace('.000Z', 'Z');

export const LABELS = {
  [LABEL.experiment]: 'wrist',
  [LABEL.experimentUid]: 'u1',
  [LABEL.stage]: 'fold',
  [LABEL.fold]: '0',
  [LABEL.attempt]: '1',
  [LABEL.managedBy]: 'carpal-operator',
};

export function jobCondition(type: string, fields: Partial<ObjectCondition> = {}): ObjectCondition {
  return { type, status: 'True', lastTransitionTime: time(120), ...fields };
}

/** The two conditions of a failed Job, with the same reason and message. */
export function failedConditions(reason: string, message: string): readonly ObjectCondition[] {
  return ['FailureTarget', 'Failed'].map((type) => jobCondition(type, { reason, message }));
}

export function job(fields: { metadata?: Partial<Job['metadata']>; spec?: Partial<Job['spec']>; status?: Job['status'] } = {}): Job {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: JOB_NAME,
      namespace: 'default',
      uid: JOB_UID,
      resourceVersion: '1201',
      generation: 1,
      creationTimestamp: time(0),
      labels: { ...LABELS, 'app.kubernetes.io/name': 'carpal' },
      ownerReferences: [
        {
          apiVersion: 'carpal.dev/v1alpha1',
          kind: 'SegmentationExperiment',
          name: 'wrist',
          uid: 'u1',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
      ...fields.metadata,
    },
    spec: { suspend: false, template: { spec: {} }, ...fields.spec },
    status: { active: 1, ready: 0, terminating: 0, startTime: time(0), ...fields.status },
  };
}

type PodFields = { metadata?: Partial<Pod['metadata']>; spec?: Pod['spec']; status?: Pod['status']; state?: ContainerState };

export function pod({ metadata, spec, status, state }: PodFields = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${JOB_NAME}-7x2kp`,
      namespace: 'default',
      uid: 'b2a5c0f4-2a51-4b90-8f0e-8d5ea3f4d1c9',
      resourceVersion: '1210',
      creationTimestamp: time(1),
      labels: { ...LABELS, 'batch.kubernetes.io/job-name': JOB_NAME, 'batch.kubernetes.io/controller-uid': JOB_UID },
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: JOB_NAME, uid: JOB_UID, controller: true, blockOwnerDeletion: true }],
      finalizers: ['batch.kubernetes.io/job-tracking'],
      ...metadata,
    },
    spec: spec ?? { nodeName: 'gpu-1' },
    status: { ...status, ...(state === undefined ? {} : { containerStatuses: [{ name: 'stage', state }] }) },
  };
}

/** A pod whose container has run since second 10. */
export const runningPod = (fields: PodFields = {}): Pod =>
  pod({ ...fields, status: { phase: 'Running', ...fields.status }, state: { running: { startedAt: time(10) } } });

/** A pod that failed at second 110, with the end state of its container. */
export function failedPod(terminated: Partial<NonNullable<ContainerState['terminated']>>, fields: PodFields = {}): Pod {
  const state = { terminated: { exitCode: 1, reason: 'Error', startedAt: time(10), finishedAt: time(110), ...terminated } };
  return pod({ ...fields, status: { phase: 'Failed', ...fields.status }, state });
}

export const disruptionTarget = (reason: string, message: string): ObjectCondition => ({
  type: 'DisruptionTarget',
  status: 'True',
  reason,
  message,
  lastTransitionTime: time(100),
});

/** An attempt as a script sees it. */
export type ScriptedAttempt = {
  readonly experiment: string;
  readonly stage: string;
  readonly fold: number | undefined;
  readonly attempt: number;
};

/** The attempt that a pod's labels name. */
export function attemptOfPod({ metadata: { labels = {} } }: KubeletPod): ScriptedAttempt {
  const fold = labels[LABEL.fold];
  return {
    experiment: labels[LABEL.experiment] ?? '',
    stage: labels[LABEL.stage] ?? '',
    fold: fold === undefined ? undefined : Number(fold),
    attempt: Number(labels[LABEL.attempt]),
  };
}
