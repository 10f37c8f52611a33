/** Waits until something happens: an attempt ends, a report is written, a signal arrives, or the time that a plan named is over. */
import { type FSWatcher, watch } from 'node:fs';

/** Changes come in bursts (temporary file, rename). Changes within this time count as one. */
const GATHER_MS = 50;

export type Waker = {
  wake(): void;
  /** Returns soon after a wake since the last return, and after `timeoutMs` at the latest. */
  next(timeoutMs: number): Promise<void>;
  /** Wakes whenever an entry in one of these folders changes. */
  watchFolders(folders: readonly string[]): void;
  close(): void;
};

/** A waker without sources. Callers wake it with `wake`. */
export function createWaker(): Waker {
  let news = false;
  let resolveNext: (() => void) | undefined;
  const watchers: FSWatcher[] = [];
  const wake = (): void => {
    news = true;
    resolveNext?.();
  };
  return {
    wake,
    async next(timeoutMs) {
      if (!news) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, Math.min(timeoutMs, 2 ** 31 - 1));
          resolveNext = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        resolveNext = undefined;
      }
      if (news) await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
      news = false;
    },
    watchFolders(folders) {
      for (const folder of folders) {
        const watcher = watch(folder, wake);
        // A folder that cannot be watched (limit, network drive) is still read when a wait ends.
        watcher.on('error', () => watcher.close());
        watchers.push(watcher);
      }
    },
    close() {
      for (const watcher of watchers) watcher.close();
      resolveNext?.();
    },
  };
}
