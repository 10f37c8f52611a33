/** Cleanup after the end: the attempts of an ended experiment are removed once run.ttlAfterFinished has passed. */
import { durationMs } from '@carpal/configs/duration.ts';
import { isActive, type StageRun } from './observed.ts';

/** Milliseconds until the time to live of an ended experiment has passed; 0 or less afterwards. */
export function timeLeftMs(finishedAt: string, ttlAfterFinished: string, now: Date): number {
  return Date.parse(finishedAt) + durationMs(ttlAfterFinished) - now.getTime();
}

/** The attempts to remove now, and the milliseconds until there are attempts to remove. */
export function expiredRuns(
  runs: readonly StageRun[],
  finishedAt: string | undefined,
  ttlAfterFinished: string,
  now: Date,
): { readonly remove: readonly string[]; readonly nextMs: number | undefined } {
  const ended = runs.filter((run) => !isActive(run)).map((run) => run.name);
  if (finishedAt === undefined || ended.length === 0) return { remove: [], nextMs: undefined };
  const leftMs = timeLeftMs(finishedAt, ttlAfterFinished, now);
  return leftMs > 0 ? { remove: [], nextMs: leftMs } : { remove: ended, nextMs: undefined };
}
