/**
 * The start deadline (for an attempt that never begins: a bad image, no node) and the fold deadline (for the total time that a fold
 * trains).
 */
import { durationMs } from '@carpal/configs/duration.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import type { RunSpec } from '@carpal/configs/schema/experiment.ts';
import type { StageStatus } from '@carpal/configs/schema/status.ts';
import { heldStartOf } from './explain-waiting.ts';
import type { HeldStart, Observed, StageRun } from './observed.ts';
import { soonest } from './soonest.ts';
import { sameStage } from './stage.ts';
import { mapStages, type Stages } from './stages.ts';

type Attempts = Pick<Observed, 'runs' | 'held'>;
/** The newest attempt of a stage: its run, or what prevents its start. */
type NewestAttempt = { readonly run: StageRun | undefined; readonly hold: HeldStart | undefined };
export type Deadlines = Pick<RunSpec, 'startDeadline' | 'foldDeadline'>;

/** An attempt that has begun keeps its fold deadline, even if it looks pending again because its pod was lost. */
const hasNotBegun = (stage: StageStatus): boolean => stage.state === 'Pending' && stage.startedAt === undefined;

const presentRun = (key: StageKey, stage: StageStatus, runs: readonly StageRun[]): StageRun | undefined =>
  runs.find((run) => sameStage(run, key) && run.attempt === stage.attempts);

/**
 * When the stage's deadline expires (ms since 1970); undefined if it has no deadline. Queued attempts have no deadline: the cluster is
 * full, and the stage is not the cause.
 */
function deadlineOf(key: StageKey, stage: StageStatus, { run, hold }: NewestAttempt, deadlines: Deadlines): number | undefined {
  if (stage.state === 'Starting' || hasNotBegun(stage)) {
    // An attempt whose start has failed misses its deadline only after one more try.
    const since = stage.state === 'Starting' ? hold && stage.heldSince : run?.pendingSince;
    return since === undefined ? undefined : Date.parse(since) + durationMs(deadlines.startDeadline);
  }
  if ((stage.state !== 'Running' && stage.state !== 'Pending') || key.stage !== 'fold' || stage.startedAt === undefined) return undefined;
  return Date.parse(stage.startedAt) + durationMs(deadlines.foldDeadline) - stage.activeSeconds * 1000;
}

/** Fails the stages whose deadline has passed, and returns the milliseconds until the next deadline. A missed deadline is final. */
export function enforceDeadlines(
  stages: Stages,
  attempts: Attempts,
  deadlines: Deadlines,
  now: Date,
): { readonly stages: Stages; readonly nextMs: number | undefined } {
  let nextMs: number | undefined;
  const checked = mapStages(stages, (key, stage) => {
    const newest: NewestAttempt = { run: presentRun(key, stage, attempts.runs), hold: heldStartOf(key, stage, attempts.held) };
    const deadline = deadlineOf(key, stage, newest, deadlines);
    if (deadline === undefined) return stage;
    const leftMs = deadline - now.getTime();
    if (leftMs > 0) {
      nextMs = soonest(nextMs, leftMs);
      return stage;
    }
    if (hasNotBegun(stage) || stage.state === 'Starting') {
      const why = (newest.hold ?? newest.run)?.message;
      const message = `did not start within run.startDeadline (${deadlines.startDeadline})${why === undefined ? '' : `: ${why}`}`;
      return { ...stage, state: 'Failed', reason: 'StartDeadlineExceeded', message };
    }
    return {
      ...stage,
      state: 'Failed',
      reason: 'FoldDeadlineExceeded',
      message: `trained longer than run.foldDeadline (${deadlines.foldDeadline})`,
    };
  });
  return { stages: checked, nextMs };
}
