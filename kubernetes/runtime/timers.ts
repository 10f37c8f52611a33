/** Time as something that is handed in, so that a test can hold it still and move it on. */

export type Timers = {
  /** Milliseconds since some beginning; never goes back. */
  now(): number;
  /** Calls back once after `ms` at the earliest. Returns what takes that back. */
  after(ms: number, callback: () => void): () => void;
};

/** What setTimeout can hold: 24.8 days. */
const LONGEST_MS = 2 ** 31 - 1;

/** The machine's own time. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  after(ms, callback) {
    const due = performance.now() + ms;
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const left = Math.max(0, due - performance.now());
      timer = setTimeout(() => (left > LONGEST_MS ? arm() : callback()), Math.min(left, LONGEST_MS));
    };
    arm();
    return () => clearTimeout(timer);
  },
};

/** Waits; returns early, without an error, when `signal` aborts. */
export function pause(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = timers.after(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}

/** Waits between tries that fail: twice as long each time, up to a limit. */

export type BackoffLimits = { readonly baseMs: number; readonly longestMs: number };

/** The wait after the `failures`-th failure in a row (1 is the first): base · 2^(failures − 1), at most `longestMs`; 0 for none. */
export function backoffMs(failures: number, { baseMs, longestMs }: BackoffLimits): number {
  if (failures <= 0) return 0;
  // Beyond 2^52 the doubling is far past every limit.
  return Math.min(longestMs, baseMs * 2 ** Math.min(failures - 1, 52));
}

/** Between half of `ms` and all of it, so that those that failed together do not come back together. `random` is uniform in [0, 1). */
export function jittered(ms: number, random: () => number): number {
  return ms * (0.5 + random() / 2);
}
