/** Why a Job could not make its pod (no such service account, a quota, a priority class): only events tell, so they are asked for. */
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { KubernetesObject, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { KeptJob } from './kept-job.ts';

/** A Job has its pod within a second or two of being taken up, on a busy cluster within a few more. */
const PATIENCE_MS = 10_000;
/** The Job's controller tries again every few minutes at most; nothing is gained by asking more often. */
const ASK_AGAIN_MS = 60_000;
const MOST_ANSWERS = 1000;
/** The server reads all events of the namespace for one answer. Where many Jobs have no pod it is busy, and questions make it busier. */
const MOST_AT_ONCE = 8;

/** Events of the core group, by which alone one can select the object that they are about. */
const CORE_EVENTS = { group: '', version: 'v1', plural: 'events' };
type CoreEvent = KubernetesObject & { readonly message?: string; readonly lastTimestamp?: string | null };

/** The words for a Job that has no pod; undefined where it is too early to wonder or nobody has said anything. Never throws. */
export type MissingPodWords = (job: KeptJob) => Promise<string | undefined>;

const newestWords = (events: readonly CoreEvent[]): string | undefined =>
  events
    .toSorted((a, b) => (a.lastTimestamp ?? '').localeCompare(b.lastTimestamp ?? ''))
    .at(-1)
    ?.message?.replace(/^Error creating: /, '');

/** Asks the API server, at most once a minute for each Job; one for the whole operator. `now` is milliseconds since 1970. */
export function missingPodWords(client: KubernetesClient, now: () => number): MissingPodWords {
  let asking = 0;
  const answers = new Map<string, { readonly askedMs: number; readonly words: Promise<string | undefined> }>();

  const ask = async ({ metadata }: KeptJob): Promise<string | undefined> => {
    const place = metadata.namespace === undefined ? {} : { namespace: metadata.namespace };
    const query = { fieldSelector: `involvedObject.uid=${metadata.uid},reason=FailedCreate`, limit: 10 };
    const { items } = await client.request<ObjectList<CoreEvent>>({ method: 'GET', path: resourcePath(CORE_EVENTS, place), query });
    return newestWords(items);
  };

  return async (job) => {
    const key = job.metadata.uid ?? '';
    // A Job that its controller has yet to take up, on a cluster with much to do, has no pod and nothing to say.
    const takenUpAt = job.status?.startTime;
    if (takenUpAt === undefined || now() - Date.parse(takenUpAt) < PATIENCE_MS) return undefined;
    const before = answers.get(key);
    if (before !== undefined && now() - before.askedMs < ASK_AGAIN_MS) return await before.words;
    if (asking >= MOST_AT_ONCE) return await before?.words;
    asking += 1;
    const words = ask(job)
      .catch(() => before?.words)
      .finally(() => {
        asking -= 1;
      });
    answers.delete(key);
    answers.set(key, { askedMs: now(), words });
    // The oldest answer goes first.
    for (const old of answers.keys()) if (answers.size > MOST_ANSWERS) answers.delete(old);
    return await words;
  };
}
