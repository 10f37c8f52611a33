/** How long to retry requests to a server that does not respond. Clock and randomness are injected. */
export type RetryOptions = {
  /** The maximum time from the first attempt to the start of the last one, in milliseconds; 0 for a single attempt. */
  readonly retryForMs: number;
  /** Returns a random number from 0 to 1, for the jitter. */
  readonly random: () => number;
  /** A monotonic clock in milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Called before each wait. */
  readonly onWait?: (error: unknown, waitMs: number) => void;
};

const FIRST_MS = 250;
const LONGEST_MS = 10_000;

/**
 * The delay before retry number `retry`, counted from 1. It doubles up to ten seconds, and half of it is jitter so that clients spread out.
 */
export function retryDelayMs(retry: number, chance: number): number {
  return Math.min(FIRST_MS * 2 ** Math.min(retry - 1, 20), LONGEST_MS) * (0.5 + chance / 2);
}

/** The result of `work`. Repeats `work` while `isTransient` accepts its error and time is left; after that, throws the last error. */
export async function withRetries<T>(options: RetryOptions, isTransient: (error: unknown) => boolean, work: () => Promise<T>): Promise<T> {
  const giveUpAt = options.now() + options.retryForMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const waitMs = retryDelayMs(attempt, options.random());
      if (!isTransient(error) || options.now() + waitMs > giveUpAt) throw error;
      options.onWait?.(error, waitMs);
      await options.sleep(waitMs);
    }
  }
}
