/** Why an attempt has not begun, as the scheduler, the kubelet or the Job's controller reports it. */
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { KubernetesObject, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { type KeptJob, type KeptPod, podCondition, stageState } from './kept-objects.ts';

const LONGEST = 500;
/** These reasons name no cause: creating a container takes some time. */
const ORDINARY: readonly (string | undefined)[] = [undefined, 'ContainerCreating', 'PodInitializing'];

/**
 * The reason as a text of at most 500 characters; undefined if no component reports one. While the cause is the same, only numbers in the
 * text change.
 */
export function pendingReason(job: KeptJob, pod: KeptPod | undefined): string | undefined {
  const { name, namespace } = job.metadata;
  const text = pod === undefined ? `no pod yet; kubectl describe job ${name} -n ${namespace ?? 'default'} shows why` : reasonOfPod(pod);
  return text === undefined || text === '' ? undefined : text.replaceAll(/\s+/g, ' ').slice(0, LONGEST);
}

function reasonOfPod(pod: KeptPod): string | undefined {
  const scheduled = podCondition(pod, 'PodScheduled');
  if (scheduled?.status === 'False') return schedulerMessage(scheduled.message ?? scheduled.reason ?? '');
  const { waiting } = stageState(pod);
  if (waiting?.reason !== undefined && !ORDINARY.includes(waiting.reason)) return kubeletMessage(waiting.reason, waiting.message);
  const { nodeName } = pod.spec;
  if (nodeName === undefined) return undefined;
  const ready = podCondition(pod, 'PodReadyToStartContainers')?.status === 'True';
  return ready ? `node ${nodeName} pulls the image` : `node ${nodeName} sets up volumes and network`;
}

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
const MOST_ANSWERS = 1000;
/** For one answer the server reads all events of the namespace. If many Jobs have no pod, the server is already busy. */
const MOST_AT_ONCE = 8;

/** Events of the core group: only these can be selected by the object that they are about. */
const CORE_EVENTS = { group: '', version: 'v1', plural: 'events' };
type CoreEvent = KubernetesObject & { readonly message?: string; readonly lastTimestamp?: string | null };

/** Why a Job could not create its pod; undefined if it is too early to ask or no event reports a reason. Never throws. */
export type MissingPodReason = (job: KeptJob) => Promise<string | undefined>;

/**
 * Asks the API server for events of Jobs that could not create their pod (no such service account, a quota, a priority class): only events
 * report that. At most one request per minute and Job. Create one for the whole operator. `now`: milliseconds since 1970.
 */
export function createMissingPodReason(client: KubernetesClient, now: () => number): MissingPodReason {
  let asking = 0;
  const answers = new Map<string, { readonly askedMs: number; readonly reason: Promise<string | undefined> }>();

  const ask = async ({ metadata }: KeptJob): Promise<string | undefined> => {
    const place = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
    const query = { fieldSelector: `involvedObject.uid=${metadata.uid},reason=FailedCreate`, limit: 10 };
    const { items } = await client.request<ObjectList<CoreEvent>>({ method: 'GET', path: resourcePath(CORE_EVENTS, place), query });
    return newestMessage(items);
  };

  return async (job) => {
    const key = job.metadata.uid ?? '';
    // On a busy cluster the Job's controller may not have seen the Job yet: then no event can exist.
    const seenByControllerAt = job.status?.startTime;
    if (seenByControllerAt === undefined || now() - Date.parse(seenByControllerAt) < PATIENCE_MS) return undefined;
    const before = answers.get(key);
    if (before !== undefined && now() - before.askedMs < ASK_AGAIN_MS) return await before.reason;
    if (asking >= MOST_AT_ONCE) return await before?.reason;
    asking += 1;
    const reason = ask(job)
      .catch(() => before?.reason)
      .finally(() => {
        asking -= 1;
      });
    answers.delete(key);
    answers.set(key, { askedMs: now(), reason });
    // A Map keeps insertion order: the oldest answers are dropped first.
    for (const old of answers.keys()) if (answers.size > MOST_ANSWERS) answers.delete(old);
    return await reason;
  };
}

const newestMessage = (events: readonly CoreEvent[]): string | undefined =>
  events
    .toSorted((a, b) => (a.lastTimestamp ?? '').localeCompare(b.lastTimestamp ?? ''))
    .at(-1)
    ?.message?.replace(/^Error creating: /, '');
