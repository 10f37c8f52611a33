/** Time as a dependency, so that a test can control it; pauses; and waits between retries. */

export type Timers = {
  /** Milliseconds since an arbitrary start; never decreases. */
  now(): number;
  /** Calls back once, after `ms` at the earliest. Returns a function that cancels the call. */
  after(ms: number, callback: () => void): () => void;
};

/** The maximum of setTimeout: 24.8 days. */
const LONGEST_MS = 2 ** 31 - 1;

/** The clock of this machine. */
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

/** Waits. Returns early, without an error, when `signal` aborts. */
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

/** Limits of the waits between failed tries, which double each time. */

export type BackoffLimits = { readonly baseMs: number; readonly longestMs: number };

/** The wait after the `failures`-th failure in a row (1 is the first): base · 2^(failures − 1), at most `longestMs`; 0 for no failure. */
export function backoffMs(failures: number, { baseMs, longestMs }: BackoffLimits): number {
  if (failures <= 0) return 0;
  // 2^52 is far above every limit.
  return Math.min(longestMs, baseMs * 2 ** Math.min(failures - 1, 52));
}

/**
 * A random wait between half of `ms` and all of it, so that clients that failed together do not retry together. `random` is uniform in [0,
 * 1).
 */
export function jittered(ms: number, random: () => number): number {
  return ms * (0.5 + random() / 2);
}
