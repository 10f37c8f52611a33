/**
 * The deadlines of a stage. run.startDeadline limits what waiting alone cannot solve: an image that cannot be pulled, a Job that the API
 * server rejects. run.capacityDeadline, if it is set, limits the wait for a node or a queue. run.foldDeadline and run.stageDeadline limit the
 * total time in which the stage's container runs.
 */
import { durationMs } from '@carpal/configs/duration.ts';
import type { Reason, StageKey } from '@carpal/configs/names.ts';
import type { RunSpec, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { StageStatus } from '@carpal/configs/schema/status.ts';
import { heldStartOf } from './explain-waiting.ts';
import type { HeldStart, Observed, StageRun } from './observed.ts';
import { soonest } from './soonest.ts';
import { sameStage } from './stage.ts';
import { stageRules } from './stage-rules.ts';
import { mapStages, type Stages } from './stages.ts';

type Attempts = Pick<Observed, 'runs' | 'held'>;
/** The newest attempt of a stage: its run, or what prevents its start. */
type NewestAttempt = { readonly run: StageRun | undefined; readonly hold: HeldStart | undefined };
type Limit = 'startDeadline' | 'capacityDeadline' | 'foldDeadline' | 'stageDeadline';
type Deadline = { readonly limit: Limit; readonly sinceMs: number; readonly why?: string | undefined };

/** An attempt that has begun keeps its fold deadline, even if it looks pending again because its pod was lost. */
const hasNotBegun = (stage: StageStatus): boolean => stage.state === 'Pending' && stage.startedAt === undefined;

const presentRun = (key: StageKey, stage: StageStatus, runs: readonly StageRun[]): StageRun | undefined =>
  runs.find((run) => sameStage(run, key) && run.attempt === stage.attempts);

/** The deadline of the stage, and since when its time runs (ms since 1970); undefined if it has none now. */
function deadlineOf(key: StageKey, stage: StageStatus, { run, hold }: NewestAttempt): Deadline | undefined {
  if (stage.state === 'Starting') {
    // An attempt whose start was refused misses its deadline only after one more try.
    if (hold?.cause !== 'refused' || stage.heldSince === undefined) return undefined;
    return { limit: 'startDeadline', sinceMs: Date.parse(stage.heldSince), why: hold.message };
  }
  if (stage.state === 'Queued' || hasNotBegun(stage)) {
    if (run === undefined) return undefined;
    const waitsForCapacity = stage.state === 'Queued' || run.waitsFor === 'capacity';
    const sinceMs = Math.max(Date.parse(run.pendingSince), Date.parse(run.evictedAt ?? run.pendingSince));
    return { limit: waitsForCapacity ? 'capacityDeadline' : 'startDeadline', sinceMs, why: run.message };
  }
  if ((stage.state !== 'Running' && stage.state !== 'Pending') || stage.startedAt === undefined) return undefined;
  const sinceMs = Date.parse(stage.startedAt) - stage.activeSeconds * 1000;
  return { limit: key.stage === 'fold' ? 'foldDeadline' : 'stageDeadline', sinceMs };
}

const MISSED: Record<Limit, { readonly reason: Reason; readonly text: (limit: string) => string }> = {
  startDeadline: { reason: 'StartDeadlineExceeded', text: (limit) => `did not start within run.startDeadline (${limit})` },
  capacityDeadline: { reason: 'CapacityDeadlineExceeded', text: (limit) => `found no capacity within run.capacityDeadline (${limit})` },
  foldDeadline: { reason: 'FoldDeadlineExceeded', text: (limit) => `trained longer than run.foldDeadline (${limit})` },
  stageDeadline: { reason: 'StageDeadlineExceeded', text: (limit) => `ran longer than run.stageDeadline (${limit})` },
};

/** Fails the stages whose deadline has passed, and returns the milliseconds until the next deadline. */
export function enforceDeadlines(
  stages: Stages,
  attempts: Attempts,
  experiment: SegmentationExperiment,
  now: Date,
): { readonly stages: Stages; readonly nextMs: number | undefined } {
  const limits: Pick<RunSpec, Limit> = experiment.spec.run;
  let nextMs: number | undefined;
  const checked = mapStages(stages, (key, stage) => {
    const newest: NewestAttempt = { run: presentRun(key, stage, attempts.runs), hold: heldStartOf(key, stage, attempts.held) };
    const deadline = deadlineOf(key, stage, newest);
    const limit = deadline && limits[deadline.limit];
    if (deadline === undefined || limit === undefined) return stage;
    const leftMs = deadline.sinceMs + durationMs(limit) - now.getTime();
    if (leftMs > 0) {
      nextMs = soonest(nextMs, leftMs);
      return stage;
    }
    const { reason, text } = MISSED[deadline.limit];
    const why = deadline.why === undefined ? '' : `: ${deadline.why}`;
    const remedy = stageRules(experiment, key).remedy?.(reason) ?? '';
    return { ...stage, state: 'Failed', reason, message: `${text(limit)}${why} → ${remedy}` };
  });
  return { stages: checked, nextMs };
}
