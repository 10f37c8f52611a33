/**
 * Awaited after each run of a network, which holds the event loop while it computes. Throws what ends the work where a stop was asked for.
 */
export type Pause = () => Promise<void>;

const immediate = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Lets signals, messages and timers that wait through. */
export async function nextTurn(): Promise<void> {
  // Twice: where the loop is just taking what came, the first comes before it looks for more.
  await immediate();
  await immediate();
}

/** A turn for everything that waits; throws what `stopped` makes once the signal has asked for a stop. */
export function pauseUntil(signal: AbortSignal | undefined, stopped: () => Error): Pause {
  return async () => {
    await nextTurn();
    if (signal?.aborted) throw stopped();
  };
}
