/**
 * Whose fault the end of a failed attempt was, from its pod, and from the Job's condition alone where the pod is gone. What can be seen
 * of a pod that was taken away differs from case to case: with the condition DisruptionTarget (drain, preemption, taint, node shutdown),
 * with nothing but a deletionTimestamp (a raw DELETE, as node autoscalers send), or not at all any more.
 */
import type { StageRun } from '../experiment/observed.ts';
import { type KeptJob, trueCondition } from './kept-job.ts';
import { known } from './kept-metadata.ts';
import { isOver, type KeptPod, podCondition, stageState } from './kept-pod.ts';

/** How an attempt failed, as far as it can be known. */
export type Failure = Pick<StageRun, 'exitCode' | 'disrupted' | 'stopRequested' | 'reason' | 'message' | 'lastLines'>;

const SIGKILL_EXIT = 137;
/** Exits from here on are signals: nothing that a stage says itself. */
const FIRST_SIGNAL_EXIT = 128;
/** Reasons of a pod that its node refused or lost. `OutOf…`: the node had no room after all (`OutOfcpu`, `OutOfnvidia.com/gpu`). */
const NODE_REASONS = /^(NodeLost|NodeShutdown|Shutdown|Terminated|NodeAffinity|UnexpectedAdmissionError|Preempting|OutOf.+)$/;
/** Ends of which the container's own words are told. With any other (`StartError`, `ContainerStatusUnknown`) the words are its node's. */
const OWN_ENDS: readonly (string | undefined)[] = [undefined, 'Error', 'Completed', 'OOMKilled'];
/** Says no more than that it failed. */
const EMPTY_REASONS: readonly (string | undefined)[] = [
  'Error',
  'Completed',
  'ContainerStatusUnknown',
  'PodFailurePolicy',
  'BackoffLimitExceeded',
];

const telling = (reason: string | undefined): string | undefined => (EMPTY_REASONS.includes(reason) ? undefined : reason);

/** Whether somebody deleted the pod before its container had ended of itself. Times are whole seconds. */
function deletedBeforeItsEnd({ metadata }: KeptPod, finishedAt: string | undefined): boolean {
  if (metadata.deletionTimestamp === undefined) return false;
  if (finishedAt === undefined) return true;
  const askedMs = Date.parse(metadata.deletionTimestamp) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  return Date.parse(finishedAt) >= askedMs;
}

/** What took the pod away, in a word and a sentence; undefined where it ended of itself. */
function takenBy(pod: KeptPod): { readonly reason?: string; readonly message: string } | undefined {
  const { terminated } = stageState(pod);
  const { reason, message } = pod.status ?? {};
  const place = pod.spec.nodeName === undefined ? '' : `node ${pod.spec.nodeName}: `;
  const target = podCondition(pod, 'DisruptionTarget');
  if (target?.status === 'True')
    return { ...known({ reason: target.reason }), message: `${place}${target.message ?? 'the pod was evicted'}` };
  if (terminated?.reason === 'OOMKilled') return undefined;
  if (reason !== undefined && NODE_REASONS.test(reason)) return { reason, message: `${place}${message ?? 'the node gave the pod up'}` };
  if (terminated?.reason === 'ContainerStatusUnknown') return { reason: 'NodeLost', message: `${place}its container was lost` };
  if (deletedBeforeItsEnd(pod, terminated?.finishedAt))
    return { reason: 'PodDeleted', message: `${place}the pod was deleted while it ran` };
  // Evicted without DisruptionTarget: over its own limit of disk.
  if (terminated === undefined && reason !== 'Evicted' && reason !== 'DeadlineExceeded') {
    return { ...known({ reason }), message: `${place}${message ?? 'the pod ended without its container having run'}` };
  }
  return undefined;
}

/** How the pod of an attempt failed. */
export function failureOfPod(pod: KeptPod): Failure {
  const { terminated } = stageState(pod);
  const words = terminated?.message?.trim();
  const said = words === '' ? undefined : words;
  const isOwn = OWN_ENDS.includes(terminated?.reason);
  const end = known({ exitCode: terminated?.exitCode, lastLines: isOwn ? said : undefined });
  const taken = takenBy(pod);
  if (taken !== undefined) return { ...end, ...taken, disrupted: true };
  const reason = telling(terminated?.reason) ?? telling(pod.status?.reason);
  const message = (isOwn ? undefined : said) ?? pod.status?.message;
  if (terminated?.exitCode === SIGKILL_EXIT && reason === undefined && message === undefined)
    return { ...end, reason: 'SIGKILL', message: 'killed, and nobody says why; often for want of memory' };
  return { ...end, ...known({ reason, message }) };
}

/** How an attempt failed whose pod nobody can look at any more. A failed pod stays until its Job goes, unless somebody deletes it. */
function failureOfJob(job: KeptJob): Failure {
  const failed = trueCondition(job, 'Failed');
  const message = failed?.message ?? '';
  const code = /failed with exit code (\d+)/.exec(message)?.[1];
  const exit = code === undefined ? {} : { exitCode: Number(code) };
  if (message.includes('has condition DisruptionTarget')) return { disrupted: true, reason: 'DisruptionTarget', message };
  const reason = telling(failed?.reason);
  if (reason !== undefined) return { ...exit, reason, message };
  if (code === undefined || Number(code) >= FIRST_SIGNAL_EXIT) {
    return { ...exit, disrupted: true, reason: 'PodDeleted', message: 'the pod was deleted, and its end could not be read' };
  }
  return exit;
}

/** How the attempt failed. `job` has the condition Failed. */
export function failureOf(job: KeptJob, pod: KeptPod | undefined): Failure {
  const failure = pod === undefined || !isOver(pod) ? failureOfJob(job) : failureOfPod(pod);
  // Its queue took it back, and its pod ended before the Job's controller had suspended the Job. As if it had: it costs nothing.
  return job.spec.suspend === true
    ? { ...failure, stopRequested: true, reason: 'Suspended', message: 'its queue took its place back' }
    : failure;
}
