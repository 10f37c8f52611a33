/** The options and the interface of a reflector. */
import type { KubernetesClient, Query } from '../api/client.ts';
import type { KubernetesObject } from '../api/objects.ts';
import type { Log } from './logger.ts';
import type { Change, Kept } from './store.ts';
import type { BackoffLimits, Timers } from './timers.ts';

export type ReflectorOptions<Item extends KubernetesObject, KeptItem extends Kept> = {
  readonly client: KubernetesClient;
  /** The path of the collection: `resourcePath(JOBS)`. */
  readonly path: string;
  /** `{labelSelector: …}`. */
  readonly query?: Query;
  readonly keep: (item: Item) => KeptItem;
  readonly indexBy?: (kept: KeptItem) => string | undefined;
  /** Called for every change of the store, exactly once, in order. Must not throw. */
  readonly onChange: (change: Change<KeptItem>) => void;
  /** The number of objects per page of a list. Default: 500. */
  readonly pageSize?: number;
  /** How long the server keeps a watch open: drawn from this range for each watch. Default: 240 to 300. */
  readonly watchSeconds?: readonly [number, number];
  /** A watch on which nothing arrives for this long is closed. Default: the watch's own time + 30 s. */
  readonly inactivityMs?: number;
  /** The time between full lists, which repair what the watch has missed. Default: 600,000. 0: never. */
  readonly resyncMs?: number;
  /** Waits after failures. Default: 500 ms to 30 s. */
  readonly backoff?: BackoffLimits;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly timers?: Timers;
  readonly log?: Log;
};

/** Counters since the reflector was created. */
export type ReflectorStats = {
  /** Completed full lists, for any reason. */
  readonly lists: number;
  /** Watches that were started. */
  readonly watches: number;
  /** Changes that a watch delivered, without bookmarks. */
  readonly events: number;
  /** Full lists because the position in the history was lost (410) or a watch kept failing. */
  readonly relists: number;
  /** Objects that a resync found missing, stale or left over. Each is an event that the watch did not deliver. */
  readonly repairs: number;
  readonly errors: number;
};

export type Reflector<Item extends KubernetesObject, KeptItem extends Kept> = {
  /** Lists and watches until `signal` aborts. Retries after errors of the API; never rejects because of them. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves after the first full list. Stays pending if `run` ends earlier. */
  readonly synced: Promise<void>;
  get(key: string): KeptItem | undefined;
  list(): readonly KeptItem[];
  /** The objects for which `indexBy` returns this key. */
  indexed(indexKey: string): readonly KeptItem[];
  /**
   * Puts the answer of an own write into the store, so that the next read sees it. Does nothing if the watch has already reached this
   * version: the store is then at least as new, and an object that is gone stays gone.
   */
  absorb(item: Item): void;
  /** Removes an object from the store after an own, final delete. Late events do not bring it back. */
  forget(item: KubernetesObject): void;
  readonly stats: ReflectorStats;
  readonly size: number;
  /** Milliseconds since the last activity: an answer, an event, or a failure after which it waits. */
  quietMs(): number;
};
