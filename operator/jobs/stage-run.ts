/** An attempt as the planner sees it, from its Job and pods. */

import { LABEL } from '@carpal/configs/names.ts';
import type { StageRun } from '../experiment/observed.ts';
import { attemptName, type StageKey } from '../experiment/stage.ts';
import { type KeptJob, trueCondition } from './kept-job.ts';
import { known } from './kept-metadata.ts';
import { isOver, type KeptPod, stageState } from './kept-pod.ts';
import { controllerUid } from './owner.ts';
import { pendingReason } from './pending-reason.ts';
import { failureOf, failureOfPod } from './pod-failure.ts';
import { labelledAttempt, QUEUE_LABEL } from './stage-labels.ts';

type Attempt = StageKey & Pick<StageRun, 'attempt' | 'name' | 'pendingSince' | 'deleting'>;

/** The pod that tells of the attempt: the newest. */
function newest(pods: readonly KeptPod[]): KeptPod | undefined {
  const made = (pod: KeptPod): string => pod.metadata.creationTimestamp ?? '';
  return pods.toSorted((a, b) => made(a).localeCompare(made(b))).at(-1);
}

/** When and where it ran. */
function timesOf(pod: KeptPod | undefined): Pick<StageRun, 'startedAt' | 'finishedAt' | 'node'> {
  if (pod === undefined) return {};
  const { running, terminated } = stageState(pod);
  // A container that was never found again has times of the year 1.
  const real = (time: string | undefined): string | undefined => (time === undefined || time < '1971' ? undefined : time);
  return known({
    startedAt: real(running?.startedAt ?? terminated?.startedAt),
    finishedAt: real(terminated?.finishedAt),
    node: pod.spec.nodeName,
  });
}

/** Since when it could have begun: its creation, or when its queue let it go. */
function pendingSince({ metadata, status }: KeptJob): string {
  const released = status?.conditions?.find((condition) => condition.type === 'Suspended' && condition.status === 'False');
  return released?.lastTransitionTime ?? metadata.creationTimestamp ?? new Date(0).toISOString();
}

function activeRun(job: KeptJob, pod: KeptPod | undefined, attempt: Attempt): StageRun {
  // Let go, but its controller has yet to act on it: until then nobody can say since when it could have begun.
  if (job.spec.suspend === true || trueCondition(job, 'Suspended') !== undefined) {
    return { ...attempt, state: 'queued', message: `waits in queue ${job.metadata.labels?.[QUEUE_LABEL] ?? '(the Job is suspended)'}` };
  }
  const times = timesOf(pod);
  // Once the pod has ended, or the Job is about to say so, it has begun, whatever else is known.
  const ending = trueCondition(job, 'FailureTarget') ?? trueCondition(job, 'SuccessCriteriaMet');
  const begun = pod === undefined ? (job.status?.ready ?? 0) > 0 : pod.status?.phase === 'Running' || isOver(pod);
  if (begun || ending !== undefined) return { ...attempt, ...known({ startedAt: times.startedAt, node: times.node }), state: 'running' };
  return { ...attempt, ...known({ message: pendingReason(job, pod), node: times.node }), state: 'pending' };
}

/**
 * Reads an attempt; undefined for a Job that is none. Its end is the Job's word (Complete or Failed), which comes when all its pods have
 * ended, so that a further attempt cannot write beside it.
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
    return { ...attempt, ...known({ finishedAt }), ...timesOf(pod), state: 'succeeded', exitCode: 0 };
  }
  const failed = trueCondition(job, 'Failed');
  // A pod that still seems to run is an old sight of it: the watch on pods is behind the one on Jobs, and will tell how it ended.
  if (failed === undefined || pods.some((one) => !isOver(one) && one.status?.phase !== 'Unknown')) return activeRun(job, pod, attempt);
  return { ...attempt, ...known({ finishedAt: failed.lastTransitionTime }), ...timesOf(pod), ...failureOf(job, pod), state: 'failed' };
}

/**
 * Reads an attempt whose Job was deleted by somebody who did not wait for its pods. As long as one of them runs it holds its place: a
 * further attempt would write into the same checkpoint.
 */
export function stageRunOfPods(pods: readonly KeptPod[]): StageRun | undefined {
  const pod = newest(pods);
  const labelled = pod === undefined ? undefined : labelledAttempt(pod.metadata);
  if (pod === undefined || labelled === undefined) return undefined;
  const experiment = pod.metadata.labels?.[LABEL.experiment] ?? '';
  // A pod that still names its owner is garbage, and about to be deleted with it; an orphan (--cascade=orphan) works on.
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
