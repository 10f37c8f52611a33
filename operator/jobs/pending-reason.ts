/** Why an attempt has not begun, as the scheduler, the kubelet or the Job's controller reports it. */
import { withoutUndefined } from '@carpal/configs/json.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { KubernetesObject, ObjectCondition, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { StageRun } from '../experiment/observed.ts';
import { createAnswers } from './answers.ts';
import { type KeptJob, type KeptPod, podCondition, stageState } from './kept-objects.ts';

const LONGEST = 500;
/** These reasons name no cause: creating a container takes some time. */
const ORDINARY: readonly (string | undefined)[] = [undefined, 'ContainerCreating', 'PodInitializing'];

/** What an attempt waits for. `since`: when it began to wait for that, if it is known; ISO 8601. */
export type PendingReason = Required<Pick<StageRun, 'waitsFor'>> & { readonly message?: string; readonly since?: string };

/**
 * What the attempt waits for, with a text of at most 500 characters if a component reports a reason. While the cause is the same, only
 * numbers in the text change.
 */
export function pendingReason(job: KeptJob, pod: KeptPod | undefined): PendingReason {
  const { name, namespace } = job.metadata;
  if (pod !== undefined) return reasonOfPod(pod);
  return { waitsFor: 'start', message: `no pod yet; kubectl describe job ${name} -n ${namespace ?? 'default'} shows why` };
}

/** The same for an attempt whose pod exists. */
export function reasonOfPod(pod: KeptPod): PendingReason {
  const scheduled = podCondition(pod, 'PodScheduled');
  const { nodeName } = pod.spec;
  const { waiting } = stageState(pod);
  if (scheduled?.status !== 'True' && nodeName === undefined) return reasonOfScheduler(scheduled);
  const since = scheduled?.status === 'True' ? scheduled.lastTransitionTime : pod.metadata.creationTimestamp;
  const isStuck = waiting?.reason !== undefined && !ORDINARY.includes(waiting.reason);
  const message = isStuck ? kubeletMessage(waiting.reason, waiting.message) : progressOfNode(pod);
  return { waitsFor: 'start', ...withoutUndefined({ message: oneLine(message), since }) };
}

/** Waiting does not create a volume. */
const NEVER_SCHEDULED = /persistentvolumeclaims? "[^"]+" (not found|is being deleted)|unbound immediate PersistentVolumeClaims/i;

/** Before the scheduler has seen the pod, nothing is known to be wrong with it. */
function reasonOfScheduler(scheduled: ObjectCondition | undefined): PendingReason {
  if (scheduled === undefined) return { waitsFor: 'capacity' };
  const text = scheduled.message ?? scheduled.reason ?? '';
  const message = withoutUndefined({ message: oneLine(schedulerMessage(text)) });
  const isCapacity = scheduled.reason !== 'SchedulerError' && !NEVER_SCHEDULED.test(text);
  return isCapacity
    ? { waitsFor: 'capacity', ...message }
    : { waitsFor: 'start', ...message, ...withoutUndefined({ since: scheduled.lastTransitionTime }) };
}

function progressOfNode(pod: KeptPod): string | undefined {
  const { nodeName } = pod.spec;
  if (nodeName === undefined) return undefined;
  const ready = podCondition(pod, 'PodReadyToStartContainers')?.status === 'True';
  return ready ? `node ${nodeName} pulls the image` : `node ${nodeName} sets up volumes and network`;
}

const oneLine = (text: string | undefined): string | undefined => text?.replaceAll(/\s+/g, ' ').slice(0, LONGEST) || undefined;

/** Without the part about preemption: it offers a person nothing to change. */
function schedulerMessage(message: string): string {
  return message.replace(/\s*(no new claims to deallocate,\s*)?preemption: .*$/s, '').trim();
}

/** The kubelet reports a failed pull alternately as the error and as the wait for the next try; both become the error. */
function kubeletMessage(reason: string, message: string | undefined): string {
  const failure = reason === 'ImagePullBackOff' ? /\bErr[A-Za-z]+: .*$/s.exec(message ?? '')?.[0] : undefined;
  return failure ?? (message === undefined || message === '' ? reason : `${reason}: ${message}`);
}

/** A Job gets its pod within a second or two of its startTime, on a busy cluster within a few more. */
const PATIENCE_MS = 10_000;
/** The Job's controller waits up to some minutes between two tries, so asking more often reveals nothing new. */
const ASK_AGAIN_MS = 60_000;
/** Events of the core group: only these can be selected by the object that they are about. */
const CORE_EVENTS = { group: '', version: 'v1', plural: 'events' };
type CoreEvent = KubernetesObject & {
  readonly message?: string;
  readonly firstTimestamp?: string | null;
  readonly lastTimestamp?: string | null;
};

/** Why a Job could not create its pod; undefined if it is too early to ask or no event reports a reason. Never throws. */
export type MissingPodReason = (job: KeptJob) => Promise<PendingReason | undefined>;

/**
 * Asks the API server for events of Jobs that could not create their pod (no such service account, a quota, a priority class): only events
 * report that. At most one request per minute and Job. Create one for the whole operator. `now`: milliseconds since 1970.
 */
export function createMissingPodReason(client: KubernetesClient, now: () => number): MissingPodReason {
  const answers = createAnswers<PendingReason>({ now, keepMs: () => ASK_AGAIN_MS });

  const ask = async ({ metadata }: KeptJob): Promise<PendingReason | undefined> => {
    const place = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
    const query = { fieldSelector: `involvedObject.uid=${metadata.uid},reason=FailedCreate`, limit: 10 };
    const { items } = await client.request<ObjectList<CoreEvent>>({ method: 'GET', path: resourcePath(CORE_EVENTS, place), query });
    return reasonOfEvents(items);
  };

  return async (job) => {
    // On a busy cluster the Job's controller may not have seen the Job yet: then no event can exist.
    const seenByControllerAt = job.status?.startTime;
    if (seenByControllerAt === undefined || now() - Date.parse(seenByControllerAt) < PATIENCE_MS) return undefined;
    return await answers(job.metadata.uid ?? '', async () => await ask(job));
  };
}

/** A quota has room again when other pods end. Nothing else that prevents the creation of a pod passes by waiting. */
function reasonOfEvents(events: readonly CoreEvent[]): PendingReason | undefined {
  const newest = events.toSorted((a, b) => (a.lastTimestamp ?? '').localeCompare(b.lastTimestamp ?? '')).at(-1);
  const message = oneLine(newest?.message?.replace(/^Error creating: /, ''));
  if (message === undefined) return undefined;
  if (message.includes('exceeded quota')) return { waitsFor: 'capacity', message };
  return { waitsFor: 'start', message, ...withoutUndefined({ since: newest?.firstTimestamp ?? undefined }) };
}
