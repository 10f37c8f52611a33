/** Why a queue holds a Job back, in Kueue's own words: they are in the Workload that Kueue makes for each Job. */
import { withoutUndefined } from '@carpal/configs/json.ts';
import { isStatus } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { ObjectCondition, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { createAnswers } from './answers.ts';
import { type KeptJob, trueCondition } from './kept-objects.ts';
import { isPending, KUEUE_GROUP, type Workload, workloadCondition, workloadsOf } from './kueue-workload.ts';
import type { AskPosition, QueuePosition } from './queue-position.ts';

/** `evictedAt`: when Kueue took back the quota of a Job that it had admitted; ISO 8601. */
export type QueueReason = { readonly words: string; readonly evictedAt?: string; readonly position?: QueuePosition };

/** Undefined if Kueue says nothing about the Job, or there is no Kueue. Never throws. */
export type AskQueue = (job: KeptJob) => Promise<QueueReason | undefined>;

const JOB_UID_LABEL = `${KUEUE_GROUP}/job-uid`;

/** A queue is full for minutes or hours. */
const ASK_AGAIN_MS = 60_000;
/** Kueue makes the Workload within a second or two. */
const ASK_AGAIN_FOR_WORDS_MS = 5000;
/** A cluster rarely gets Kueue or a new version of it. */
const DISCOVER_AGAIN_MS = 600_000;

type ApiGroup = { readonly preferredVersion: { readonly version: string } };

export type AskQueueOptions = {
  readonly client: KubernetesClient;
  /** If absent, reasons have no position. */
  readonly askPosition?: AskPosition;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/** What is known of a Job's Workload. */
type Known = { readonly workload: Workload; readonly version: string; readonly reason: QueueReason };

/**
 * Reads the Workloads of queued Jobs: one request per minute and Job at most, besides those for positions, and none in a cluster without Kueue
 * except one every ten minutes. Create one for the whole operator.
 */
export function createAskQueue({ client, askPosition, now }: AskQueueOptions): AskQueue {
  const versions = createAnswers<string>({ now, keepMs: () => DISCOVER_AGAIN_MS });
  const reasons = createAnswers<Known>({ now, keepMs: (known) => (known === undefined ? ASK_AGAIN_FOR_WORDS_MS : ASK_AGAIN_MS) });

  const discover = async (): Promise<string | undefined> => {
    try {
      return (await client.request<ApiGroup>({ method: 'GET', path: `/apis/${KUEUE_GROUP}` })).preferredVersion.version;
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  };

  return async (job) => {
    const { uid = '', namespace } = job.metadata;
    // Another suspension may have another reason.
    const key = `${uid} ${trueCondition(job, 'Suspended')?.lastTransitionTime ?? ''}`;
    const known = await reasons(key, async () => {
      const version = await versions('', discover);
      if (version === undefined) return undefined;
      const path = resourcePath(workloadsOf(version), namespace === undefined ? {} : { namespace });
      const query = { labelSelector: `${JOB_UID_LABEL}=${uid}`, limit: 10 };
      const { items } = await client.request<ObjectList<Workload>>({ method: 'GET', path, query });
      const workload = items.find((one) => workloadCondition(one, 'Finished', 'True') === undefined);
      const reason = workload === undefined ? undefined : reasonOf(workload);
      return workload === undefined || reason === undefined ? undefined : { workload, version, reason };
    });
    if (known === undefined) return undefined;
    const position = isPending(known.workload) ? await askPosition?.(known.workload, known.version) : undefined;
    return { ...known.reason, ...withoutUndefined({ position }) };
  };
}

/** What the conditions of a Workload that is not admitted say; undefined if they say nothing. */
function reasonOf(workload: Workload): QueueReason | undefined {
  const { metadata, spec } = workload;
  const is = (type: string, value: ObjectCondition['status']): ObjectCondition | undefined => workloadCondition(workload, type, value);
  const evicted = is('Evicted', 'True');
  const reserved = is('QuotaReserved', 'True');
  // Until Kueue has tried to admit the Job again, it repeats the reason of the eviction.
  const waiting = reserved === undefined ? is('QuotaReserved', 'False') : is('Admitted', 'False');
  const words = [
    spec.active === false ? `the Workload ${metadata.name} is deactivated; it is queued again when its spec.active is true` : undefined,
    wordsOf(is('Preempted', 'True') ?? evicted),
    wordsOf(waiting),
    // An evicted Job keeps its quota until its pods have ended.
    reserved === undefined || waiting !== undefined || evicted !== undefined
      ? undefined
      : 'quota is reserved, and the Job is about to start',
  ];
  const text = [...new Set(words.filter((one) => one !== undefined))].join('; ');
  return text === '' ? undefined : { words: text, ...withoutUndefined({ evictedAt: evicted?.lastTransitionTime }) };
}

/** Without the uids and paths of other Jobs: they differ each time and mean nothing to a reader. */
function wordsOf(condition: ObjectCondition | undefined): string | undefined {
  const text = condition?.message?.replace(/ \(UID: [^)]*\)/, '').replace(/; preemptor path: .*$/s, '');
  return text?.replaceAll(/\s+/g, ' ').trim() || condition?.reason;
}
