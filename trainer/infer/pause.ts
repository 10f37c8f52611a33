/**
 * Awaited after each run of a network, because a run blocks the event loop. Throws the error that ends the work if a stop was requested.
 */
export type Pause = () => Promise<void>;

const immediate = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** Lets pending signals, messages and timers run. */
export async function nextTurn(): Promise<void> {
  // Two turns: if the event loop is already in its check phase, the first callback runs before the loop polls for new events.
  await immediate();
  await immediate();
}

/** A pause that lets pending events run, calls `advanced`, and throws `stopped()` once the signal is aborted. */
export function pauseUntil(signal: AbortSignal | undefined, stopped: () => Error, advanced: () => void = () => undefined): Pause {
  return async () => {
    advanced();
    await nextTurn();
    if (signal?.aborted) throw stopped();
  };
}
