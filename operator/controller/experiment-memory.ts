/**
 * What this process remembers of an experiment between two steps. It is created when an active experiment is first seen, and dropped when
 * the experiment has ended or is gone. Correctness does not depend on it: after a restart, some work is repeated.
 */
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import { DEFAULT_RETRY, type RetryPolicy } from '../experiment/retry-policy.ts';
import { ProgressMemory } from './progress-memory.ts';
import { StartBackoff } from './start-backoff.ts';
import { ValidationCache } from './validation-cache.ts';

export type ExperimentMemory = {
  readonly uid: string | undefined;
  readonly validation: ValidationCache;
  readonly startBackoff: StartBackoff;
  readonly progress: ProgressMemory;
  /**
   * Names of Jobs that were deleted before they had ended. The status of an attempt is `Starting` until its Job has been seen, so only this
   * set records that a Job was deleted before that. Without the record, the operator looks for pods of the attempt and then starts it
   * again.
   */
  readonly goneJobs: Set<string>;
};

/** The memories of all active experiments: those that have neither ended nor are being deleted. */
export type ActiveExperiments = {
  /** The experiment `namespace/name` is active. A memory of an earlier uid is dropped. */
  add(key: string, uid: string | undefined): void;
  /** The experiment has ended or is gone. */
  drop(key: string): void;
  /** Undefined if the experiment is not active. */
  get(key: string): ExperimentMemory | undefined;
  readonly size: number;
  /** How many folds of all active experiments train. */
  runningFolds(): number;
};

export type MemoryOptions = {
  /** Names of the class lists that manifests may use. */
  readonly classLists: readonly string[];
  readonly retry?: RetryPolicy | undefined;
  readonly now: () => Date;
  readonly log: Log;
};

export function createActiveExperiments({ classLists, retry = DEFAULT_RETRY, now, log }: MemoryOptions): ActiveExperiments {
  const memories = new Map<string, ExperimentMemory>();
  const create = (key: string, uid: string | undefined): ExperimentMemory => ({
    uid,
    validation: new ValidationCache(classLists, log),
    startBackoff: new StartBackoff({
      retry,
      nowMs: () => now().getTime(),
      onHeld: (held) =>
        log[held.cause === 'terminating' ? 'debug' : 'warn'](
          { experiment: key, ...held },
          'an attempt cannot be started; it will be tried again',
        ),
    }),
    progress: new ProgressMemory(),
    goneJobs: new Set(),
  });
  return {
    add(key, uid) {
      const before = memories.get(key);
      if (before === undefined || before.uid !== uid) memories.set(key, create(key, uid));
    },
    drop: (key) => void memories.delete(key),
    get: (key) => memories.get(key),
    get size() {
      return memories.size;
    },
    runningFolds: () => [...memories.values()].reduce((sum, { progress }) => sum + progress.runningFolds, 0),
  };
}
