/**
 * Attempts that the planner stops for themselves: one that makes no progress, and one that has not begun and would be placed elsewhere now,
 * such as in another queue. The status remembers why (see `stopCauseOf`), so that the next operator judges their end in the same way.
 */
import { durationMs } from '@carpal/configs/duration.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import type { StageStatus } from '@carpal/configs/schema/status.ts';
import type { Observed, StageRun } from './observed.ts';
import { soonest } from './soonest.ts';
import { sameStage } from './stage.ts';
import { mapStages, type Stages } from './stages.ts';

const newestRun = (key: StageKey, stage: StageStatus, runs: readonly StageRun[]): StageRun | undefined =>
  runs.find((run) => sameStage(run, key) && run.attempt === stage.attempts);

/**
 * Stops each running stage without a heartbeat for run.stallTimeout, and returns the milliseconds until the next one could be due. Only
 * successful reads count: while the store cannot be read, nothing stalls.
 */
export function stopStalled(
  stages: Stages,
  { runs, progress }: Observed,
  stallTimeout: string,
  now: Date,
): { readonly stages: Stages; readonly nextMs: number | undefined } {
  const timeoutMs = durationMs(stallTimeout);
  let nextMs: number | undefined;
  const checked = mapStages(stages, (key, stage) => {
    const heartbeat = progress.heartbeats?.find((one) => sameStage(one, key));
    const isLeaving = newestRun(key, stage, runs)?.deleting === true;
    if (stage.state !== 'Running' || stage.startedAt === undefined || heartbeat === undefined || isLeaving) return stage;
    const aliveMs = Math.max(Date.parse(heartbeat.changedAt), Date.parse(stage.startedAt));
    if (Date.parse(heartbeat.readAt) - aliveMs < timeoutMs) {
      const leftMs = aliveMs + timeoutMs - now.getTime();
      if (leftMs > 0) nextMs = soonest(nextMs, leftMs);
      return stage;
    }
    const message = `made no progress for run.stallTimeout (${stallTimeout}); it is stopped and retried`;
    return { ...stage, state: 'Stopping', reason: 'StageStalled', message };
  });
  return { stages: checked, nextMs };
}

/**
 * Stops attempts that have not begun and would be placed differently now: what they wait for may not come. For example, no node has the
 * memory that the manifest requested before. An attempt that runs stays where it is.
 */
export function replaceOutdated(stages: Stages, { runs }: Observed): Stages {
  return mapStages(stages, (key, stage) => {
    if ((stage.state !== 'Queued' && stage.state !== 'Pending') || newestRun(key, stage, runs)?.outdated !== true) return stage;
    const reason = stage.state === 'Queued' ? 'Queued' : 'StagePending';
    return { ...stage, state: 'Stopping', reason, message: 'had not begun when its placement changed; it is replaced' };
  });
}
