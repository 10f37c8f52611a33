/**
 * The position of a Job in Kueue's queue. Kueue's own API for it is optional, so the position is counted from the Workloads, in the order in
 * which Kueue 0.17 considers them.
 */
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { KubernetesObject, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { createAnswers } from './answers.ts';
import { isPending, KUEUE_GROUP, type Workload, workloadCondition, workloadsOf } from './kueue-workload.ts';

/** `position` counts from 1; `of`: how many wait; `queue`: where, such as `ClusterQueue imaging`. */
export type QueuePosition = { readonly position: number; readonly of: number; readonly queue: string };

/** The position of a pending Workload; undefined if it is not known. `version`: of Kueue's API. Never throws. */
export type AskPosition = (workload: Workload, version: string) => Promise<QueuePosition | undefined>;

/** What decides the order in a queue. */
type Waiting = { readonly uid: string; readonly queue: string; readonly priority: number; readonly since: string };

type LocalQueue = KubernetesObject & { readonly spec?: { readonly clusterQueue?: string } };

/** Evictions after which a Workload waits behind those that were there before. After any other it keeps its place. */
const TO_THE_END: readonly (string | undefined)[] = ['PodsReadyTimeout', 'AdmissionCheck'];

/** Since when the Workload counts as waiting; ISO 8601. */
function queuedSince(workload: Workload): string {
  const evicted = workloadCondition(workload, 'Evicted', 'True');
  const since = TO_THE_END.includes(evicted?.reason) ? evicted?.lastTransitionTime : undefined;
  return since ?? workload.metadata.creationTimestamp ?? '';
}

/** Kueue's order: higher priority first, then who waits longer. */
function inOrder(a: Waiting, b: Waiting): number {
  return b.priority - a.priority || Date.parse(a.since) - Date.parse(b.since) || (a.uid < b.uid ? -1 : 1);
}

/**
 * The positions of the pending Workloads, by uid. `queueOf` says in which queue a Workload waits; one without a queue has no position, and
 * does not count.
 */
export function queuePositions(
  workloads: Iterable<Workload>,
  queueOf: (workload: Workload) => string | undefined,
): ReadonlyMap<string, QueuePosition> {
  const waiting: Waiting[] = [];
  for (const workload of workloads) {
    const queue = isPending(workload) ? queueOf(workload) : undefined;
    const { metadata, spec } = workload;
    if (queue !== undefined) waiting.push({ uid: metadata.uid ?? '', queue, priority: spec.priority ?? 0, since: queuedSince(workload) });
  }
  const queues = Map.groupBy(waiting, ({ queue }) => queue);
  return new Map(
    Array.from(queues.values(), (some) => some.toSorted(inOrder)).flatMap((some) =>
      some.map(({ uid, queue }, index) => [uid, { position: index + 1, of: some.length, queue }] as const),
    ),
  );
}

/** Pages, so that no answer is large. Beyond the limit a position would cost more than it is worth. */
const PAGE = 500;
const MOST_WORKLOADS = 10_000;
/** A list is used for this long, and longer if it was long. */
const KEEP_MS = 15_000;
const KEEP_MS_PER_WORKLOAD = 10;

type Snapshot = { readonly listed: number; readonly positions: ReadonlyMap<string, QueuePosition> };

export type AskPositionOptions = {
  readonly client: KubernetesClient;
  /** The only namespace whose Workloads may be listed: positions are then those in its LocalQueues. */
  readonly watchNamespace?: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/** All Jobs share one list of the Workloads, which is read at most four times per minute, and only while a Job is queued. */
export function createAskPosition({ client, watchNamespace, now }: AskPositionOptions): AskPosition {
  const snapshots = createAnswers<Snapshot>({ now, keepMs: (known) => Math.max(KEEP_MS, (known?.listed ?? 0) * KEEP_MS_PER_WORKLOAD) });
  const place = watchNamespace === undefined ? {} : { namespace: watchNamespace };

  async function* list<Item extends KubernetesObject>(path: string): AsyncGenerator<Item> {
    let next: string | undefined;
    do {
      const query = { limit: PAGE, ...(next === undefined ? {} : { continue: next }) };
      const { metadata, items } = await client.request<ObjectList<Item>>({ method: 'GET', path, query });
      yield* items;
      next = metadata.continue || undefined;
    } while (next !== undefined);
  }

  /** The name of the queue in which positions count. */
  const queues = async (version: string): Promise<(workload: Workload) => string | undefined> => {
    if (watchNamespace !== undefined) return ({ spec }) => (spec.queueName === undefined ? undefined : `LocalQueue ${spec.queueName}`);
    const names = new Map<string, string>();
    for await (const { metadata, spec } of list<LocalQueue>(resourcePath({ group: KUEUE_GROUP, version, plural: 'localqueues' })))
      if (spec?.clusterQueue !== undefined) names.set(`${metadata.namespace}/${metadata.name}`, `ClusterQueue ${spec.clusterQueue}`);
    return ({ metadata, spec }) => names.get(`${metadata.namespace}/${spec.queueName}`);
  };

  const snapshot = async (version: string): Promise<Snapshot> => {
    const queueOf = await queues(version);
    const pending: Workload[] = [];
    let listed = 0;
    for await (const workload of list<Workload>(resourcePath(workloadsOf(version), place))) {
      listed += 1;
      if (listed > MOST_WORKLOADS) return { listed, positions: new Map() };
      if (isPending(workload)) pending.push(workload);
    }
    return { listed, positions: queuePositions(pending, queueOf) };
  };

  return async ({ metadata }, version) => (await snapshots(version, () => snapshot(version)))?.positions.get(metadata.uid ?? '');
}
