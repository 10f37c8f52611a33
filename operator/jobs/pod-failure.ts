/**
 * Why an attempt failed, read from its pod, or from the Job's condition alone if the pod is gone. A disrupted pod has one of three forms:
 * it has the condition DisruptionTarget (drain, preemption, taint, node shutdown), or only a deletionTimestamp (a raw DELETE, as node
 * autoscalers send it), or no longer exists.
 */
import { withoutUndefined } from '@carpal/configs/json.ts';
import type { StageRun } from '../experiment/observed.ts';
import { failedCondition, type KeptJob, type KeptPod, podCondition, podHasEnded, stageState } from './kept-objects.ts';

/** How an attempt failed, as far as it can be determined. */
export type Failure = Pick<StageRun, 'exitCode' | 'disrupted' | 'stopRequested' | 'reason' | 'message' | 'lastLines'>;

const SIGKILL_EXIT = 137;
/** Exit codes from here on are signals; a stage never chooses them. */
const FIRST_SIGNAL_EXIT = 128;
/** Reasons of a pod that its node rejected or lost. `OutOf…`: the node had no room after all (`OutOfcpu`, `OutOfnvidia.com/gpu`). */
const NODE_REASONS = /^(NodeLost|NodeShutdown|Shutdown|Terminated|NodeAffinity|UnexpectedAdmissionError|Preempting|OutOf.+)$/;
/** With these reasons the termination message is the container's own output. With others (`StartError`, `ContainerStatusUnknown`) it is the
 * kubelet's. */
const OWN_OUTPUT_REASONS: readonly (string | undefined)[] = [undefined, 'Error', 'Completed', 'OOMKilled'];
/** Reasons that add nothing to the fact of the failure. */
const EMPTY_REASONS: readonly (string | undefined)[] = [
  'Error',
  'Completed',
  'ContainerStatusUnknown',
  'PodFailurePolicy',
  'BackoffLimitExceeded',
];

const specific = (reason: string | undefined): string | undefined => (EMPTY_REASONS.includes(reason) ? undefined : reason);

/** Whether the pod was deleted before its container ended by itself. Times are whole seconds. */
function deletedBeforeItsEnd({ metadata }: KeptPod, finishedAt: string | undefined): boolean {
  if (metadata.deletionTimestamp === undefined) return false;
  if (finishedAt === undefined) return true;
  const askedMs = Date.parse(metadata.deletionTimestamp) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  return Date.parse(finishedAt) >= askedMs;
}

/** What disrupted the pod, as a reason and a message; undefined if its container ended by itself. */
function disruptionOf(pod: KeptPod): { readonly reason?: string; readonly message: string } | undefined {
  const { terminated } = stageState(pod);
  const { reason, message } = pod.status ?? {};
  const place = pod.spec.nodeName === undefined ? '' : `node ${pod.spec.nodeName}: `;
  const target = podCondition(pod, 'DisruptionTarget');
  if (target?.status === 'True')
    return { ...withoutUndefined({ reason: target.reason }), message: `${place}${target.message ?? 'the pod was evicted'}` };
  if (terminated?.reason === 'OOMKilled') return undefined;
  if (reason !== undefined && NODE_REASONS.test(reason))
    return { reason, message: `${place}${message ?? 'the node rejected or lost the pod'}` };
  if (terminated?.reason === 'ContainerStatusUnknown') return { reason: 'NodeLost', message: `${place}the container was lost` };
  if (deletedBeforeItsEnd(pod, terminated?.finishedAt))
    return { reason: 'PodDeleted', message: `${place}the pod was deleted while it ran` };
  // Evicted without DisruptionTarget means that the pod exceeded its own disk limit.
  if (terminated === undefined && reason !== 'Evicted' && reason !== 'DeadlineExceeded') {
    return { ...withoutUndefined({ reason }), message: `${place}${message ?? 'the pod ended before its container ran'}` };
  }
  return undefined;
}

/** How the pod of an attempt failed. */
export function failureOfPod(pod: KeptPod): Failure {
  const { terminated } = stageState(pod);
  const trimmed = terminated?.message?.trim();
  const output = trimmed === '' ? undefined : trimmed;
  const isOwn = OWN_OUTPUT_REASONS.includes(terminated?.reason);
  const end = withoutUndefined({ exitCode: terminated?.exitCode, lastLines: isOwn ? output : undefined });
  const disruption = disruptionOf(pod);
  if (disruption !== undefined) return { ...end, ...disruption, disrupted: true };
  const reason = specific(terminated?.reason) ?? specific(pod.status?.reason);
  const message = (isOwn ? undefined : output) ?? pod.status?.message;
  if (terminated?.exitCode === SIGKILL_EXIT && reason === undefined && message === undefined)
    return { ...end, reason: 'SIGKILL', message: 'killed for an unknown reason, often a lack of memory' };
  return { ...end, ...withoutUndefined({ reason, message }) };
}

/**
 * How an attempt failed, read from its Job because its pod no longer exists. A failed pod exists as long as its Job unless someone deletes
 * it.
 */
function failureOfJob(job: KeptJob): Failure {
  const failed = failedCondition(job);
  const message = failed?.message ?? '';
  const code = /failed with exit code (\d+)/.exec(message)?.[1];
  const exit = code === undefined ? {} : { exitCode: Number(code) };
  if (message.includes('has condition DisruptionTarget')) return { disrupted: true, reason: 'DisruptionTarget', message };
  const reason = specific(failed?.reason);
  if (reason !== undefined) return { ...exit, reason, message };
  if (code === undefined || Number(code) >= FIRST_SIGNAL_EXIT) {
    return { ...exit, disrupted: true, reason: 'PodDeleted', message: 'the pod was deleted before its exit code could be read' };
  }
  return exit;
}

export function failureOf(job: KeptJob, pod: KeptPod | undefined): Failure {
  const failure = pod === undefined || !podHasEnded(pod) ? failureOfJob(job) : failureOfPod(pod);
  // The queue suspended the Job, and the pod ended before the Job's controller acted on that. Like any suspension, it uses no budget.
  return job.spec.suspend === true
    ? { ...failure, stopRequested: true, reason: 'Suspended', message: 'the queue took back its quota' }
    : failure;
}
