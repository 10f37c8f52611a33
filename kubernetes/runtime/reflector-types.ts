/** What a reflector is asked for and what it answers. */
import type { KubernetesClient, Query } from '../api/client.ts';
import type { KubernetesObject } from '../api/objects.ts';
import type { Log } from './logger.ts';
import type { Change, Kept } from './store.ts';
import type { BackoffLimits, Timers } from './timers.ts';

export type ReflectorOptions<Item extends KubernetesObject, KeptItem extends Kept> = {
  readonly client: KubernetesClient;
  /** The collection: `resourcePath(JOBS)`. */
  readonly path: string;
  /** `{labelSelector: …}`. */
  readonly query?: Query;
  readonly keep: (item: Item) => KeptItem;
  readonly indexBy?: (kept: KeptItem) => string | undefined;
  /** Called for every change of the store, exactly once, in order. Must not throw. */
  readonly onChange: (change: Change<KeptItem>) => void;
  /** Objects in one page of a list; 500 where absent. */
  readonly pageSize?: number;
  /** How long the server keeps a watch open: drawn from this range each time; 240 to 300 s where absent. */
  readonly watchSeconds?: readonly [number, number];
  /** A watch on which nothing came for this long is given up; the watch's own seconds + 30 s where absent. */
  readonly inactivityMs?: number;
  /** A full list as often as this, beside the watch, mends what the watch has missed; 600,000 where absent, 0 for never. */
  readonly resyncMs?: number;
  /** Waits after failures; 500 ms to 30 s where absent. */
  readonly backoff?: BackoffLimits;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly timers?: Timers;
  readonly log?: Log;
};

/** Counters since the reflector was made. */
export type ReflectorStats = {
  /** Full lists that came to their end, whatever for. */
  readonly lists: number;
  /** Watches that the server took up. */
  readonly watches: number;
  /** Changes that a watch delivered; bookmarks are none. */
  readonly events: number;
  /** Full lists because the place in the history was lost (410) or a watch kept failing. */
  readonly relists: number;
  /** Objects that a resync found missing, stale or left over: each is an event that the watch did not deliver. */
  readonly repairs: number;
  readonly errors: number;
};

export type Reflector<Item extends KubernetesObject, KeptItem extends Kept> = {
  /** Lists and watches until `signal` aborts. Errors of the API are waited out; never rejects for them. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves after the first full list; stays pending if `run` ends before. */
  readonly synced: Promise<void>;
  get(key: string): KeptItem | undefined;
  list(): readonly KeptItem[];
  /** The objects whose `indexBy` is this key. */
  indexed(indexKey: string): readonly KeptItem[];
  /**
   * Puts the answer of an own write into the store, so that a read right after it sees it. Left out when the watch has got at least that
   * far: what is in the store is then as new, and an object that is gone by now stays gone.
   */
  absorb(item: Item): void;
  /** Takes an object out of the store after an own delete that is final, and keeps late news of it from bringing it back. */
  forget(item: KubernetesObject): void;
  readonly stats: ReflectorStats;
  readonly size: number;
  /** Milliseconds since the last sign of life: an answer, an event, or a failure that is being waited out. */
  quietMs(): number;
};
