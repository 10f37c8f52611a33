/** An attempt as the planner sees it, read from its Job and pods. */

import { withoutUndefined } from '@carpal/configs/json.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import { LABEL } from '@carpal/configs/names.ts';
import { QUEUE_POSITION } from '../experiment/explain-waiting.ts';
import type { StageRun } from '../experiment/observed.ts';
import { attemptName } from '../experiment/stage.ts';
import { failedCondition, type KeptJob, type KeptPod, podCondition, podHasEnded, stageState, trueCondition } from './kept-objects.ts';
import { controllerUid, labelledAttempt, QUEUE_LABEL } from './ownership.ts';
import { type PendingReason, pendingReason, reasonOfPod } from './pending-reason.ts';
import { failureOf, failureOfPod } from './pod-failure.ts';
import type { QueueReason } from './queue-reason.ts';

const LONGEST_MESSAGE = 500;

type Attempt = StageKey & Pick<StageRun, 'attempt' | 'name' | 'pendingSince' | 'deleting' | 'queue'>;

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

/** The time from which its Job could have a pod: its creation, or its release by the queue. */
function releasedAt({ metadata, status }: KeptJob): string {
  const released = status?.conditions?.find((condition) => condition.type === 'Suspended' && condition.status === 'False');
  return released?.lastTransitionTime ?? metadata.creationTimestamp ?? new Date(0).toISOString();
}

/** A kubelet that answers needs a moment after the grace period to report that a container has ended. */
const LOST_AFTER_MS = 60_000;

/** Whether the pod should have ended a while ago: its deletion time includes the grace period. Its node does not answer. */
export function isOverdue(pod: KeptPod, now: Date): boolean {
  const { deletionTimestamp } = pod.metadata;
  return deletionTimestamp !== undefined && !podHasEnded(pod) && now.getTime() - Date.parse(deletionTimestamp) > LOST_AFTER_MS;
}

function lostIf(pods: readonly KeptPod[], now: Date): Pick<StageRun, 'lost'> {
  const live = pods.filter((pod) => !podHasEnded(pod));
  return live.length > 0 && live.every((pod) => isOverdue(pod, now)) ? { lost: true } : {};
}

/** What a pending attempt waits for, and since when. */
export function waitingFor({ waitsFor, message, since }: PendingReason): Partial<StageRun> {
  return { waitsFor, ...withoutUndefined({ message, pendingSince: since }) };
}

/** Where a queue for the stage can be named. */
const QUEUE_FIELD: Readonly<Record<StageKey['stage'], string>> = {
  prepare: "placement.prepare.queueName or the operator's --prepare-queue",
  fold: 'placement.queueName',
  ensemble: 'placement.ensemble.queueName',
};

/** A queued attempt. The queue's own words are added after it was asked; see `withQueueReason`. */
function queuedRun(job: KeptJob, pod: KeptPod | undefined, attempt: Attempt): StageRun {
  const suspended = trueCondition(job, 'Suspended');
  const message =
    attempt.queue === undefined
      ? `the Job is suspended and names no queue; if Kueue manages such Jobs, set ${QUEUE_FIELD[attempt.stage]}`
      : `waits in queue ${attempt.queue}`;
  // A Job that is created for a queue is suspended from the beginning. If it has a pod, it was released before.
  const evictedAt = pod === undefined ? undefined : suspended?.lastTransitionTime;
  return { ...attempt, ...withoutUndefined({ evictedAt }), state: 'queued', message };
}

/** The queued attempt with its position and the queue's own words. */
export function withQueueReason(run: StageRun, { words, evictedAt, position }: QueueReason): StageRun {
  const place = position === undefined ? '' : ` ${position.position} of ${position.of} in ${position.queue}`;
  const said = place === '' ? words : `${QUEUE_POSITION}${place}; ${words}`;
  return { ...run, message: `${run.message}: ${said}`.slice(0, LONGEST_MESSAGE), ...withoutUndefined({ evictedAt }) };
}

function activeRun(job: KeptJob, pod: KeptPod | undefined, attempt: Attempt): StageRun {
  // Also queued if the queue has released the Job but the Job's controller has not acted on that yet: until then the time of release is
  // unknown.
  if (job.spec.suspend === true || trueCondition(job, 'Suspended') !== undefined) return queuedRun(job, pod, attempt);
  const times = timesOf(pod);
  // If the pod has ended, or the Job is about to end, the attempt has begun, whatever other fields say.
  const ending = trueCondition(job, 'FailureTarget') ?? trueCondition(job, 'SuccessCriteriaMet');
  const begun = pod === undefined ? (job.status?.ready ?? 0) > 0 : pod.status?.phase === 'Running' || podHasEnded(pod);
  if (begun || ending !== undefined) {
    const scheduled = pod === undefined ? undefined : podCondition(pod, 'PodScheduled');
    const scheduledAt = scheduled?.status === 'True' ? scheduled.lastTransitionTime : undefined;
    return {
      ...attempt,
      ...withoutUndefined({ startedAt: times.startedAt, node: times.node, pendingSince: scheduledAt }),
      state: 'running',
    };
  }
  return { ...attempt, ...waitingFor(pendingReason(job, pod)), ...withoutUndefined({ node: times.node }), state: 'pending' };
}

/**
 * Reads an attempt; undefined for a Job whose labels name no attempt. The attempt ends when the Job is Complete or Failed: then all its
 * pods have ended, so the next attempt cannot write at the same time.
 */
export function stageRunOf(job: KeptJob, pods: readonly KeptPod[], now: Date): StageRun | undefined {
  const labelled = labelledAttempt(job.metadata);
  if (labelled === undefined) return undefined;
  const pod = newest(pods);
  const leaving = job.metadata.deletionTimestamp === undefined ? {} : { deleting: true };
  const queue = job.metadata.labels?.[QUEUE_LABEL];
  const attempt: Attempt = {
    ...labelled,
    ...leaving,
    ...withoutUndefined({ queue }),
    name: job.metadata.name,
    pendingSince: releasedAt(job),
  };
  const complete = trueCondition(job, 'Complete');
  if (complete !== undefined) {
    const finishedAt = job.status?.completionTime ?? complete.lastTransitionTime;
    return { ...attempt, ...withoutUndefined({ finishedAt }), ...timesOf(pod), state: 'succeeded', exitCode: 0 };
  }
  const failed = failedCondition(job);
  // If a pod still seems to run, the watch on pods lags behind the one on Jobs, and will soon show how the pod ended.
  if (failed === undefined || pods.some((one) => !podHasEnded(one) && one.status?.phase !== 'Unknown'))
    return { ...activeRun(job, pod, attempt), ...lostIf(pods, now) };
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
export function stageRunOfPods(pods: readonly KeptPod[], now: Date): StageRun | undefined {
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
  const lost = lostIf(pods, now);
  if (pod.status?.phase === 'Running') return { ...attempt, ...times, ...lost, state: 'running' };
  return { ...attempt, ...times, ...waitingFor(reasonOfPod(pod)), ...lost, state: 'pending' };
}
