/** An attempt as the planner sees it, read from its Job and pods. */

import { withoutUndefined } from '@carpal/configs/json.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import { LABEL } from '@carpal/configs/names.ts';
import type { StageRun } from '../experiment/observed.ts';
import { attemptName } from '../experiment/stage.ts';
import { type KeptJob, type KeptPod, podHasEnded, stageState, trueCondition } from './kept-objects.ts';
import { controllerUid, labelledAttempt, QUEUE_LABEL } from './ownership.ts';
import { pendingReason } from './pending-reason.ts';
import { failureOf, failureOfPod } from './pod-failure.ts';

type Attempt = StageKey & Pick<StageRun, 'attempt' | 'name' | 'pendingSince' | 'deleting'>;

/** The newest pod: the one that shows the attempt's state. */
function newest(pods: readonly KeptPod[]): KeptPod | undefined {
  const made = (pod: KeptPod): string => pod.metadata.creationTimestamp ?? '';
  return pods.toSorted((a, b) => made(a).localeCompare(made(b))).at(-1);
}

/** The times of the attempt, and its node. */
function timesOf(pod: KeptPod | undefined): Pick<StageRun, 'startedAt' | 'finishedAt' | 'node'> {
  if (pod === undefined) return {};
  const { running, terminated } = stageState(pod);
  // A lost container has times in the year 1.
  const real = (time: string | undefined): string | undefined => (time === undefined || time < '1971' ? undefined : time);
  return withoutUndefined({
    startedAt: real(running?.startedAt ?? terminated?.startedAt),
    finishedAt: real(terminated?.finishedAt),
    node: pod.spec.nodeName,
  });
}

/** The time from which it could begin: its creation, or its release by the queue. */
function pendingSince({ metadata, status }: KeptJob): string {
  const released = status?.conditions?.find((condition) => condition.type === 'Suspended' && condition.status === 'False');
  return released?.lastTransitionTime ?? metadata.creationTimestamp ?? new Date(0).toISOString();
}

function activeRun(job: KeptJob, pod: KeptPod | undefined, attempt: Attempt): StageRun {
  // Also queued if the queue has released the Job but the Job's controller has not acted on that yet: until then the time of release is
  // unknown.
  if (job.spec.suspend === true || trueCondition(job, 'Suspended') !== undefined) {
    return { ...attempt, state: 'queued', message: `waits in queue ${job.metadata.labels?.[QUEUE_LABEL] ?? '(the Job is suspended)'}` };
  }
  const times = timesOf(pod);
  // If the pod has ended, or the Job is about to end, the attempt has begun, whatever other fields say.
  const ending = trueCondition(job, 'FailureTarget') ?? trueCondition(job, 'SuccessCriteriaMet');
  const begun = pod === undefined ? (job.status?.ready ?? 0) > 0 : pod.status?.phase === 'Running' || podHasEnded(pod);
  if (begun || ending !== undefined)
    return { ...attempt, ...withoutUndefined({ startedAt: times.startedAt, node: times.node }), state: 'running' };
  return { ...attempt, ...withoutUndefined({ message: pendingReason(job, pod), node: times.node }), state: 'pending' };
}

/**
 * Reads an attempt; undefined for a Job whose labels name no attempt. The attempt ends when the Job is Complete or Failed: then all its
 * pods have ended, so the next attempt cannot write at the same time.
 */
export function stageRunOf(job: KeptJob, pods: readonly KeptPod[]): StageRun | undefined {
  const labelled = labelledAttempt(job.metadata);
  if (labelled === undefined) return undefined;
  const pod = newest(pods);
  const leaving = job.metadata.deletionTimestamp === undefined ? {} : { deleting: true };
  const attempt: Attempt = { ...labelled, ...leaving, name: job.metadata.name, pendingSince: pendingSince(job) };
  const complete = trueCondition(job, 'Complete');
  if (complete !== undefined) {
    const finishedAt = job.status?.completionTime ?? complete.lastTransitionTime;
    return { ...attempt, ...withoutUndefined({ finishedAt }), ...timesOf(pod), state: 'succeeded', exitCode: 0 };
  }
  const failed = trueCondition(job, 'Failed');
  // If a pod still seems to run, the watch on pods lags behind the one on Jobs, and will soon show how the pod ended.
  if (failed === undefined || pods.some((one) => !podHasEnded(one) && one.status?.phase !== 'Unknown')) return activeRun(job, pod, attempt);
  return {
    ...attempt,
    ...withoutUndefined({ finishedAt: failed.lastTransitionTime }),
    ...timesOf(pod),
    ...failureOf(job, pod),
    state: 'failed',
  };
}

/**
 * Reads an attempt whose Job was deleted without waiting for its pods. While one of them runs, the attempt occupies the stage: another
 * attempt would write to the same checkpoint.
 */
export function stageRunOfPods(pods: readonly KeptPod[]): StageRun | undefined {
  const pod = newest(pods);
  const labelled = pod === undefined ? undefined : labelledAttempt(pod.metadata);
  if (pod === undefined || labelled === undefined) return undefined;
  const experiment = pod.metadata.labels?.[LABEL.experiment] ?? '';
  // A pod that still names its deleted owner will be garbage-collected; an orphan (--cascade=orphan) keeps running.
  const leaving = pod.metadata.deletionTimestamp !== undefined || controllerUid(pod.metadata) !== undefined ? { deleting: true } : {};
  const attempt: Attempt = {
    ...labelled,
    ...leaving,
    name: attemptName(experiment, labelled, labelled.attempt),
    pendingSince: pod.metadata.creationTimestamp ?? new Date(0).toISOString(),
  };
  const times = timesOf(pod);
  if (pod.status?.phase === 'Succeeded') return { ...attempt, ...times, state: 'succeeded', exitCode: 0 };
  if (pod.status?.phase === 'Failed') return { ...attempt, ...times, ...failureOfPod(pod), state: 'failed' };
  return { ...attempt, ...times, state: pod.status?.phase === 'Running' ? 'running' : 'pending' };
}
