/** Why an attempt has not begun, in the scheduler's or the kubelet's own words. */
import type { KeptJob } from './kept-job.ts';
import { type KeptPod, podCondition, stageState } from './kept-pod.ts';

const LONGEST = 500;
/** Not a cause, only the time that a container takes to be made. */
const ORDINARY: readonly (string | undefined)[] = [undefined, 'ContainerCreating', 'PodInitializing'];

/** Without what follows about preemption: that nobody is to be thrown out for this pod mends nothing. */
function schedulerWords(message: string): string {
  return message.replace(/\s*(no new claims to deallocate,\s*)?preemption: .*$/s, '').trim();
}

/** The kubelet tells of a failed pull in turn as itself and as the wait for the next try; both come out as the failure. */
function kubeletWords(reason: string, message: string | undefined): string {
  const failure = reason === 'ImagePullBackOff' ? /\bErr[A-Za-z]+: .*$/s.exec(message ?? '')?.[0] : undefined;
  return failure ?? (message === undefined || message === '' ? reason : `${reason}: ${message}`);
}

function ofPod(pod: KeptPod): string | undefined {
  const scheduled = podCondition(pod, 'PodScheduled');
  if (scheduled?.status === 'False') return schedulerWords(scheduled.message ?? scheduled.reason ?? '');
  const { waiting } = stageState(pod);
  if (waiting?.reason !== undefined && !ORDINARY.includes(waiting.reason)) return kubeletWords(waiting.reason, waiting.message);
  const { nodeName } = pod.spec;
  if (nodeName === undefined) return undefined;
  const ready = podCondition(pod, 'PodReadyToStartContainers')?.status === 'True';
  return ready ? `node ${nodeName} pulls the image` : `node ${nodeName} sets up volumes and network`;
}

/** At most 500 characters; undefined where nobody has said anything. Equal but for its numbers while the cause stays the same. */
export function pendingReason(job: KeptJob, pod: KeptPod | undefined): string | undefined {
  const { name, namespace } = job.metadata;
  const text = pod === undefined ? `it has no pod yet; kubectl describe job ${name} -n ${namespace ?? 'default'} tells why` : ofPod(pod);
  return text === undefined || text === '' ? undefined : text.replaceAll(/\s+/g, ' ').slice(0, LONGEST);
}
