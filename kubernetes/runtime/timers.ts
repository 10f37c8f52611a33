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
