/** When to give up on a server that does not answer, and what is needed to wait for it. */
export type Patience = {
  /** No further try is begun this long after the first one. */
  readonly patienceMs: number;
  /** 0 to 1, for the jitter. */
  readonly random: () => number;
  /** Milliseconds that only grow. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Told before each wait. */
  readonly onWait?: (error: unknown, waitMs: number) => void;
};

const FIRST_MS = 250;
const LONGEST_MS = 10_000;

/** The wait before the `tries`-th (from 1) repetition: doubling to ten seconds, with half of it by chance so that many do not come at once. */
export function waitBeforeMs(tries: number, chance: number): number {
  return Math.min(FIRST_MS * 2 ** Math.min(tries - 1, 20), LONGEST_MS) * (0.5 + chance / 2);
}

/** The result of `work`, tried again while `isPassing` says that its error may pass and the patience lasts; then its last error. */
export async function withPatience<T>(patience: Patience, isPassing: (error: unknown) => boolean, work: () => Promise<T>): Promise<T> {
  const giveUpAt = patience.now() + patience.patienceMs;
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const waitMs = waitBeforeMs(tries, patience.random());
      if (!isPassing(error) || patience.now() + waitMs > giveUpAt) throw error;
      patience.onWait?.(error, waitMs);
      await patience.sleep(waitMs);
    }
  }
}
