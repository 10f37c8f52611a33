/**
 * Keeps a copy of a collection of the API server: one paged list, then a watch that continues where it broke. It handles all the ways in
 * which watches fail: cut, silent, expired, rejected, closed immediately without an error, and silently losing events.
 */
import { ApiError, type StatusObject, watchRejection } from '../api/api-error.ts';
import type { KubernetesObject, WatchEvent } from '../api/objects.ts';
import { keyOf } from '../api/objects.ts';
import { listAll } from './list-all.ts';
import { silentLog } from './logger.ts';
import type { Reflector, ReflectorOptions, ReflectorStats } from './reflector-types.ts';
import type { Change, Kept } from './store.ts';
import { compareVersions, type Entry, type Snapshot, Store } from './store.ts';
import { backoffMs, jittered, pause, systemTimers, type Timers } from './timers.ts';

/** The minimum time between the starts of two watches, whatever the server does. */
const SHORTEST_ROUND_MS = 1000;
/** A watch that was open for this long did not fail, even if nothing arrived. */
const HEALTHY_MS = 10_000;
/** After this many rejected watches in a row, a full list is due. */
const REFUSALS_BEFORE_RELIST = 5;
const LONGEST_RETRY_AFTER_MS = 300_000;
const INACTIVITY_SLACK_MS = 30_000;

type Counters = { -readonly [Name in keyof ReflectorStats]: number };

class ApiReflector<Item extends KubernetesObject, KeptItem extends Kept> implements Reflector<Item, KeptItem> {
  readonly stats: Counters = { lists: 0, watches: 0, events: 0, relists: 0, repairs: 0, errors: 0 };
  readonly #options: ReflectorOptions<Item, KeptItem>;
  readonly #store: Store<Item, KeptItem>;
  readonly #timers: Timers;
  readonly #synced = Promise.withResolvers<void>();
  /** The list of a resync that the watch has not caught up with yet, and how many watches have ended since. */
  #resync: { readonly snapshot: Snapshot<KeptItem>; ends: number } | undefined;
  #isSynced = false;
  #listIsDue = true;
  #failures = 0;
  #refusals = 0;
  #lastSignMs: number;

  constructor(options: ReflectorOptions<Item, KeptItem>) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#lastSignMs = this.#timers.now();
    const onChange = (change: Change<KeptItem>): void => {
      try {
        options.onChange(change);
      } catch (error) {
        this.#log.error({ error, key: change.key }, 'the listener of a change failed');
      }
    };
    this.#store = new Store({ keep: options.keep, indexBy: options.indexBy, onChange });
  }

  get synced(): Promise<void> {
    return this.#synced.promise;
  }
  get size(): number {
    return this.#store.size;
  }
  get #log() {
    return this.#options.log ?? silentLog;
  }
  get(key: string): KeptItem | undefined {
    return this.#store.get(key);
  }
  list(): readonly KeptItem[] {
    return this.#store.list();
  }
  indexed(indexKey: string): readonly KeptItem[] {
    return this.#store.indexed(indexKey);
  }
  absorb(item: Item): void {
    this.#store.absorb(item);
  }
  forget(item: KubernetesObject): void {
    this.#store.forget(item);
  }
  quietMs(): number {
    return this.#timers.now() - this.#lastSignMs;
  }

  async run(signal: AbortSignal): Promise<void> {
    const cancelResync = this.#scheduleResync(signal);
    while (!signal.aborted) {
      const begin = this.#timers.now();
      let leastMs = 0;
      try {
        if (this.#listIsDue) await this.#relist(signal);
        const arrived = await this.#watch(signal);
        if (arrived || this.#timers.now() - begin >= HEALTHY_MS) this.#failures = 0;
        else this.#failures += 1;
      } catch (error) {
        if (signal.aborted) break;
        leastMs = this.#failed(error);
      }
      this.#sign();
      const { random, backoff = { baseMs: 500, longestMs: 30_000 } } = this.#options;
      const roundMs = SHORTEST_ROUND_MS * (1 + random()) - (this.#timers.now() - begin);
      await pause(this.#timers, Math.max(roundMs, leastMs, jittered(backoffMs(this.#failures, backoff), random)), signal);
    }
    cancelResync();
  }

  #sign(): void {
    this.#lastSignMs = this.#timers.now();
  }

  /** Counts a failure, decides whether the position in the history is lost, and returns the minimum wait that the server asked for. */
  #failed(error: unknown): number {
    this.stats.errors += 1;
    this.#failures += 1;
    const { path } = this.#options;
    if (!(error instanceof ApiError)) {
      this.#log.error({ error, path }, 'reflector failed');
      return 0;
    }
    const lost = error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone';
    if (error.status > 0 || error.reason === 'InvalidAnswer') this.#refusals += 1;
    if (lost || this.#refusals >= REFUSALS_BEFORE_RELIST) this.#listIsDue = true;
    this.#log.warn(
      { error: error.message, path, failures: this.#failures },
      lost ? 'watch expired, listing again' : 'watch or list failed',
    );
    return Math.min(error.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS);
  }

  async #snapshot(signal: AbortSignal): Promise<Snapshot<KeptItem>> {
    const { client, path, query, pageSize = 500 } = this.#options;
    const number = this.#store.beginList();
    const items = new Map<string, Entry<KeptItem>>();
    const onItem = (item: Item): void => {
      items.set(keyOf(item.metadata), this.#store.entryOf(item));
    };
    const onStart = (): void => items.clear();
    const version = await listAll<Item>({ client, path, query, pageSize, signal, onStart, onItem });
    this.stats.lists += 1;
    this.#sign();
    return { number, version, items };
  }

  async #relist(signal: AbortSignal): Promise<void> {
    const snapshot = await this.#snapshot(signal);
    this.#resync = undefined;
    this.#store.replace(snapshot);
    this.#listIsDue = false;
    this.#refusals = 0;
    if (this.#isSynced) this.stats.relists += 1;
    this.#isSynced = true;
    this.#synced.resolve();
  }

  /** One watch from where the last one ended. Returns whether anything arrived. */
  async #watch(signal: AbortSignal): Promise<boolean> {
    const { client, path, query, random, watchSeconds: [shortest, longest] = [240, 300] } = this.#options;
    const timeoutSeconds = Math.round(shortest + (longest - shortest) * random());
    const inactivityMs = this.#options.inactivityMs ?? timeoutSeconds * 1000 + INACTIVITY_SLACK_MS;
    const place = { resourceVersion: this.#store.reached, allowWatchBookmarks: true, timeoutSeconds };
    this.stats.watches += 1;
    this.#sign();
    let arrived = false;
    for await (const event of client.watch<WatchEvent<Item>>({ path, query: { ...query, ...place }, signal, inactivityMs })) {
      this.#take(event);
      arrived = true;
      this.#failures = 0;
      this.#refusals = 0;
      this.#sign();
      this.#completeResync();
    }
    if (this.#resync !== undefined) this.#resync.ends += 1;
    this.#completeResync();
    return arrived;
  }

  #take({ type, object }: WatchEvent<Item>): void {
    const { path } = this.#options;
    if (type === 'ERROR') throw watchRejection(`WATCH ${path}`, object as StatusObject);
    const version = object?.metadata?.resourceVersion;
    if (version === undefined) throw new ApiError(0, 'InvalidAnswer', `WATCH ${path}: an event without an object`);
    if (type === 'BOOKMARK') this.#store.advance(version);
    else if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') {
      this.stats.events += 1;
      this.#store.apply(type, object);
    } else throw new ApiError(0, 'InvalidAnswer', `WATCH ${path}: an event of the unknown type ${String(type)}`);
  }

  /** Repeats a full list while the watch runs, until `signal` aborts. Returns a function that stops it. */
  #scheduleResync(signal: AbortSignal): () => void {
    const { resyncMs = 600_000, random } = this.#options;
    if (resyncMs <= 0) return () => {};
    let cancel = (): void => {};
    const schedule = (): void => {
      if (signal.aborted) return;
      cancel = this.#timers.after(resyncMs * (0.9 + random() / 5), () => {
        void this.#resynchronize(signal).then(schedule);
      });
    };
    schedule();
    return () => cancel();
  }

  async #resynchronize(signal: AbortSignal): Promise<void> {
    if (this.#listIsDue || this.#resync !== undefined) return;
    this.#store.track();
    const { lists: before } = this.stats;
    try {
      const snapshot = await this.#snapshot(signal);
      // The watch needed a full list in the meantime, which serves the same purpose.
      if (this.#listIsDue || this.stats.lists > before + 1) return;
      this.#resync = { snapshot, ends: 0 };
      this.#completeResync();
    } catch (error) {
      this.#store.untrack();
      if (signal.aborted) return;
      this.stats.errors += 1;
      this.#log.warn({ error, path: this.#options.path }, 'resync failed');
    }
  }

  /**
   * Compares the list once the watch has delivered everything up to its version. A server without bookmarks may never show that; the list
   * is then compared after two watches.
   */
  #completeResync(): void {
    const { reached } = this.#store;
    if (this.#resync === undefined || reached === undefined) return;
    const { snapshot, ends } = this.#resync;
    if (ends < 2 && compareVersions(reached, snapshot.version) < 0) return;
    this.#resync = undefined;
    const repairs = this.#store.fix(snapshot);
    this.stats.repairs += repairs;
    if (repairs > 0) this.#log.warn({ repairs, path: this.#options.path }, 'the watch missed changes');
  }
}

/** Creates a reflector. Call `run` to start it. */
export function createReflector<Item extends KubernetesObject, KeptItem extends Kept>(
  options: ReflectorOptions<Item, KeptItem>,
): Reflector<Item, KeptItem> {
  return new ApiReflector(options);
}
