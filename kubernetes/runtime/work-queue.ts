/**
 * A queue of keys that need work. A key is in the queue at most once and is worked on by one worker at a time. It can be due later, or
 * again after a failure. The queue stores nothing about a key that is not due, in work, failing or resting.
 */
import { type BackoffLimits, backoffMs, systemTimers, type Timers } from './timers.ts';

export type WorkQueueOptions = {
  /** The wait before the first retry of a key. Default: 5. */
  readonly baseMs?: number;
  /** The longest wait before a retry. Default: 300,000. */
  readonly longestMs?: number;
  readonly timers?: Timers;
  /** Called with the time that a key was due before a worker took it. */
  readonly onTaken?: (waitedMs: number) => void;
  readonly onRetry?: () => void;
};

/** The number of keys in each state. All are zero when there is nothing left to do. */
export type WorkQueueSizes = {
  readonly ready: number;
  readonly later: number;
  readonly working: number;
  readonly resting: number;
  readonly failing: number;
  /** Keys about which anything is stored. */
  readonly known: number;
};

export type WorkQueue = {
  /** Makes the key due now. If a worker has it, it is handed out once more afterwards. */
  add(key: string): void;
  /** Makes the key due in `ms`, unless it is due earlier. A key has one due time, the earliest. */
  addAfter(key: string, ms: number): void;
  /** The key failed. It is due after a wait that doubles with each failure in a row, and not before `leastMs`. */
  retry(key: string, leastMs?: number): void;
  /** The key succeeded. Its next failure counts as the first. */
  succeeded(key: string): void;
  /**
   * The key that has been due longest; waits for one. Undefined once `signal` aborts or the queue is drained. Call {@link done} afterwards.
   */
  take(signal: AbortSignal): Promise<string | undefined>;
  /** The worker is done with the key. The key is not handed out again before `restMs` have passed. */
  done(key: string, restMs?: number): void;
  /** The number of due keys that wait for a worker. */
  readonly size: number;
  sizes(): WorkQueueSizes;
  /** Ends the queue: it accepts and hands out no more keys. Resolves when the keys in work are done. */
  drain(): Promise<void>;
};

/** The state of one key. `again`: it is due as soon as it becomes free. */
type Entry = { working: boolean; again: boolean; failures: number; readySince?: number; later?: Later; rest?: () => void };
type Later = { readonly due: number; readonly cancel: () => void };

class KeyedQueue implements WorkQueue {
  readonly #limits: BackoffLimits;
  readonly #timers: Timers;
  readonly #options: WorkQueueOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #ready = new Set<string>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #working = 0;
  #drained: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#limits = { baseMs: options.baseMs ?? 5, longestMs: options.longestMs ?? 300_000 };
    this.#timers = options.timers ?? systemTimers;
  }

  add(key: string): void {
    if (this.#drained !== undefined) return;
    const entry = this.#entry(key);
    this.#cancelLater(entry);
    if (entry.working || entry.rest !== undefined) entry.again = true;
    else if (entry.readySince === undefined) {
      entry.readySince = this.#timers.now();
      this.#ready.add(key);
      this.#handOut();
    }
  }

  addAfter(key: string, ms: number): void {
    if (this.#drained !== undefined) return;
    if (!(ms > 0)) {
      this.add(key);
      return;
    }
    const entry = this.#entry(key);
    const due = this.#timers.now() + ms;
    if (entry.again || entry.readySince !== undefined || (entry.later !== undefined && entry.later.due <= due)) return;
    this.#cancelLater(entry);
    const cancel = this.#timers.after(ms, () => {
      delete entry.later;
      this.add(key);
    });
    entry.later = { due, cancel };
  }

  retry(key: string, leastMs = 0): void {
    if (this.#drained !== undefined) return;
    const entry = this.#entry(key);
    entry.failures += 1;
    this.#options.onRetry?.();
    this.addAfter(key, Math.max(leastMs, backoffMs(entry.failures, this.#limits)));
  }

  succeeded(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.failures = 0;
    this.#dropIfIdle(key, entry);
  }

  take(signal: AbortSignal): Promise<string | undefined> {
    if (signal.aborted || this.#drained !== undefined) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const taker = (key: string | undefined): void => {
        signal.removeEventListener('abort', leave);
        resolve(key);
      };
      const leave = (): void => {
        this.#takers.splice(this.#takers.indexOf(taker), 1);
        resolve(undefined);
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#takers.push(taker);
      this.#handOut();
    });
  }

  done(key: string, restMs = 0): void {
    const entry = this.#entries.get(key);
    if (entry === undefined || !entry.working) return;
    entry.working = false;
    this.#working -= 1;
    if (this.#drained !== undefined) {
      this.#entries.delete(key);
      if (this.#working === 0) this.#drained.resolve();
    } else if (restMs > 0) {
      entry.rest = this.#timers.after(restMs, () => {
        delete entry.rest;
        this.#free(key, entry);
      });
    } else this.#free(key, entry);
  }

  get size(): number {
    return this.#ready.size;
  }

  sizes(): WorkQueueSizes {
    const entries = [...this.#entries.values()];
    const count = (holds: (entry: Entry) => boolean): number => entries.filter(holds).length;
    return {
      ready: this.#ready.size,
      working: this.#working,
      later: count(({ later }) => later !== undefined),
      resting: count(({ rest }) => rest !== undefined),
      failing: count(({ failures }) => failures > 0),
      known: entries.length,
    };
  }

  drain(): Promise<void> {
    if (this.#drained !== undefined) return this.#drained.promise;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained = { promise, resolve };
    for (const [key, entry] of this.#entries) {
      this.#cancelLater(entry);
      entry.rest?.();
      if (!entry.working) this.#entries.delete(key);
    }
    this.#ready.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
    if (this.#working === 0) resolve();
    return promise;
  }

  /** The key is no longer in work or resting. */
  #free(key: string, entry: Entry): void {
    if (entry.again) {
      entry.again = false;
      this.add(key);
    } else this.#dropIfIdle(key, entry);
  }

  #handOut(): void {
    while (this.#takers.length > 0) {
      const [key] = this.#ready;
      if (key === undefined) return;
      this.#ready.delete(key);
      const entry = this.#entry(key);
      this.#options.onTaken?.(this.#timers.now() - (entry.readySince ?? 0));
      delete entry.readySince;
      entry.working = true;
      this.#working += 1;
      this.#takers.shift()?.(key);
    }
  }

  #entry(key: string): Entry {
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = { working: false, again: false, failures: 0 };
    this.#entries.set(key, entry);
    return entry;
  }

  #cancelLater(entry: Entry): void {
    entry.later?.cancel();
    delete entry.later;
  }

  #dropIfIdle(key: string, entry: Entry): void {
    const idle = !entry.working && !entry.again && entry.failures === 0 && entry.readySince === undefined;
    if (idle && entry.later === undefined && entry.rest === undefined) this.#entries.delete(key);
  }
}

/** Creates an empty queue. */
export function createWorkQueue(options: WorkQueueOptions = {}): WorkQueue {
  return new KeyedQueue(options);
}
