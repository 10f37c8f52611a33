/** What an experiment leaves to do that has come to its end. */
import { expiredRuns, timeLeftMs } from '../experiment/expiry.ts';
import { isActive, type StageRun } from '../experiment/observed.ts';
import type { NotedAttempts } from '../jobs/own-objects.ts';
import type { EndedExperiment } from './experiment-object.ts';

/** Nothing is decided any more: whatever says that it is of this experiment may be ended with it. */
export const EVERY_ATTEMPT: NotedAttempts = () => Number.POSITIVE_INFINITY;

export type CleanUp = {
  /** Names of attempts that still run. */
  readonly stop: readonly string[];
  /** Names of attempts that have outlived their time. */
  readonly remove: readonly string[];
  /** Where the artifacts lie that have outlived their time. Attempts go first: none is to write to what is being removed. */
  readonly removeArtifacts?: string;
  /** Until there will be some, in milliseconds. */
  readonly nextMs: number | undefined;
};

export function cleanUpPlan(
  runs: readonly StageRun[],
  { finishedAt, ttlAfterFinished, expiringArtifacts }: Omit<EndedExperiment, 'failed'>,
  now: Date,
): CleanUp {
  const stop = runs.filter((run) => isActive(run) && run.stopRequested !== true).map(({ name }) => name);
  if (runs.length > 0 || expiringArtifacts === undefined || finishedAt === undefined)
    return { stop, ...expiredRuns(runs, finishedAt, ttlAfterFinished, now) };
  const leftMs = timeLeftMs(finishedAt, ttlAfterFinished, now);
  return leftMs > 0 ? { stop, remove: [], nextMs: leftMs } : { stop, remove: [], removeArtifacts: expiringArtifacts, nextMs: undefined };
}
