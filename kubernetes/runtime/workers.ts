/** Workers that take keys from a queue until a signal stops them. */
import { ApiError } from '../api/api-error.ts';
import type { WorkQueue } from './work-queue.ts';

export type WorkersOptions = {
  readonly queue: WorkQueue;
  /** The number of keys in work concurrently. */
  readonly concurrency: number;
  /** Works on one key. Returns after how many milliseconds to work on it again if nothing happens before. */
  readonly work: (key: string) => Promise<number | undefined>;
  /** Stops taking keys. Work that has begun is finished. */
  readonly signal: AbortSignal;
  /**
   * Called when work failed. The key is retried after a wait that doubles with each failure, or after the time that the server asked for.
   */
  readonly onError: (key: string, error: unknown) => void;
  /** The minimum time between the end of work on a key and the next work on it, which combines the changes in between. Default: 500. */
  readonly spacingMs?: number;
  /** Called after each piece of work. */
  readonly onDone?: (seen: { readonly ok: boolean; readonly seconds: number }) => void;
};

async function workOnce(key: string, { queue, work, onError, onDone }: WorkersOptions): Promise<void> {
  const begin = performance.now();
  let ok = false;
  try {
    const againMs = await work(key);
    ok = true;
    queue.succeeded(key);
    if (againMs !== undefined) queue.addAfter(key, againMs);
  } catch (error) {
    onError(key, error);
    queue.retry(key, error instanceof ApiError ? error.retryAfterMs : undefined);
  }
  onDone?.({ ok, seconds: (performance.now() - begin) / 1000 });
}

/** Runs the workers. Resolves when `signal` has aborted and all begun work is done; never rejects. */
export async function runWorkers(options: WorkersOptions): Promise<void> {
  const { queue, signal, spacingMs = 500 } = options;
  const worker = async (): Promise<void> => {
    for (let key = await queue.take(signal); key !== undefined; key = await queue.take(signal)) {
      await workOnce(key, options);
      queue.done(key, spacingMs);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, worker));
}
