/** Workers that take keys from a queue until they are told to stop. */
import { ApiError } from '../api/api-error.ts';
import type { WorkQueue } from './work-queue.ts';

export type WorkersOptions = {
  readonly queue: WorkQueue;
  /** Keys worked on at once. */
  readonly concurrency: number;
  /** Works on one key. Answers after how many milliseconds to look again, if nothing happens before. */
  readonly work: (key: string) => Promise<number | undefined>;
  /** Stops taking keys. Work that has begun is finished. */
  readonly signal: AbortSignal;
  /** Hears of work that failed. The key is tried again after a wait that doubles with each failure, or what the server asked for. */
  readonly onError: (key: string, error: unknown) => void;
  /** Shortest time between the end of one work on a key and the next on it, which makes one of the changes between; 500 where absent. */
  readonly spacingMs?: number;
  /** Hears of every work done. */
  readonly onDone?: (seen: { readonly ok: boolean; readonly seconds: number }) => void;
};

async function workOnce(key: string, { queue, work, onError, onDone }: WorkersOptions): Promise<void> {
  const begin = performance.now();
  let ok = false;
  try {
    const againMs = await work(key);
    ok = true;
    queue.settle(key);
    if (againMs !== undefined) queue.addAfter(key, againMs);
  } catch (error) {
    onError(key, error);
    queue.retry(key, error instanceof ApiError ? error.retryAfterMs : undefined);
  }
  onDone?.({ ok, seconds: (performance.now() - begin) / 1000 });
}

/** Runs the workers. Resolves once `signal` has aborted and all work that had begun is done; never rejects. */
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
