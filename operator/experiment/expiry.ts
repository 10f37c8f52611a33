/** Clean-up after the end: once run.ttlAfterFinished has passed, the attempts of an ended experiment are removed. */
import { durationMs } from '@carpal/configs/duration.ts';
import { isActive, type StageRun } from './observed.ts';

/** The attempts to remove now, and the milliseconds until there will be some. */
export function expiredRuns(
  runs: readonly StageRun[],
  finishedAt: string | undefined,
  ttlAfterFinished: string,
  now: Date,
): { readonly remove: readonly string[]; readonly nextMs: number | undefined } {
  const ended = runs.filter((run) => !isActive(run)).map((run) => run.name);
  if (finishedAt === undefined || ended.length === 0) return { remove: [], nextMs: undefined };
  const leftMs = Date.parse(finishedAt) + durationMs(ttlAfterFinished) - now.getTime();
  return leftMs > 0 ? { remove: [], nextMs: leftMs } : { remove: ended, nextMs: undefined };
}
