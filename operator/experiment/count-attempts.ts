/**
 * Counts the attempts of each stage, and updates the stage's status to what is observed now.
 *
 * Every attempt is counted exactly once. A status whose stage holds a place (see `holdsPlace`) has counted all attempts before the newest;
 * any other status has counted them all. So attempts may be removed once they are counted, and a lost status is rebuilt from the remaining
 * attempts.
 *
 *     Waiting --start--> Starting --observed--> Queued <--> Pending --> Running
 *        ^                 ^   |                   |           |           |
 *        |                 |   '---------+---------'-----------'-----------'
 *        |                 |             |
 *        |               start           +--- stop requested ---> Stopping
 *        |                 |             |                           |
 *        |                 |             +---------------------------'
 *        |                 |             |
 *        |                 |      the attempt ended, or vanished
 *        |                 |             |
 *        |                 |             +--- exit 0 ------------------------------> Succeeded
 *        |                 '-- Stopped --+--- asked to stop
 *        '-------------------------------+--- failure or disruption, budget left
 *                                        '--- final, budget used up, deadline -----> Failed
 *
 * - `start` is decided in next-starts.ts, deadlines in deadlines.ts, and outcomes and budgets in retry-policy.ts.
 * - A queue may take a running attempt back (Running to Queued). Running never becomes Pending for the same attempt.
 * - A Starting attempt that the substrate does not know has not vanished: it is started again.
 * - When another stage fails for good, stages with an active attempt become Stopped (plan.ts).
 * - Succeeded and Failed never change.
 */

import type { StageKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type FoldStatus, FRESH_STAGE, holdsPlace, type StageStatus, type StageStatusState } from '@carpal/configs/schema/status.ts';
import { isActive, type Observed, progressOf, type StageRun, type StageRunState } from './observed.ts';
import { foldFigures, foldGpu } from './progress.ts';
import {
  afterAttempt,
  type Budgets,
  type EndedAttempt,
  type Outcome,
  outcomeOf,
  type RetryPolicy,
  vanishedOutcome,
} from './retry-policy.ts';
import { sameStage } from './stage.ts';
import { foldsOf, type Stages } from './stages.ts';

/** The stages of the experiment as they are now. Every attempt that has ended since the last status is counted. */
export function countAttempts(experiment: SegmentationExperiment, observed: Observed, retry: RetryPolicy, now: Date): Stages {
  const { status } = observed;
  const count = (key: StageKey, previous: StageStatus | undefined): StageStatus => {
    const runs = observed.runs.filter((run) => sameStage(run, key));
    return countStageAttempts(previous, runs, experiment.spec.run, retry, now);
  };
  const folds = foldsOf(experiment).map((index): FoldStatus => {
    const key: StageKey = { stage: 'fold', fold: index };
    const previous = status?.folds.find((fold) => fold.index === index);
    const report = progressOf(observed.progress, key);
    const stage = count(key, previous);
    const gpu = foldGpu(stage, report, previous);
    return { ...foldFigures(report, previous), ...(gpu === undefined ? {} : { gpu }), ...attemptFields(stage), index };
  });
  return { prepare: count({ stage: 'prepare' }, status?.prepare), folds, ensemble: count({ stage: 'ensemble' }, status?.ensemble) };
}

function attemptFields(stage: StageStatus): StageStatus {
  const { state, attempts, failures, disruptions, activeSeconds, startedAt, heldSince, retryAt, reason, message, node } = stage;
  const optional = { startedAt, heldSince, retryAt, reason, message, node };
  const known = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return { state, attempts, failures, disruptions, activeSeconds, ...known };
}

/** The stage as it is now, given the status written last and all its attempts that the substrate knows. */
export function countStageAttempts(
  previous: StageStatus | undefined,
  runs: readonly StageRun[],
  budgets: Budgets,
  retry: RetryPolicy,
  now: Date,
): StageStatus {
  let stage = previous ?? FRESH_STAGE;
  if (isOver(stage)) return stage;
  const ordered = runs.toSorted((a, b) => a.attempt - b.attempt);
  const counted = holdsPlace(stage) ? stage.attempts - 1 : stage.attempts;
  const stoppedAttempt = stage.state === 'Stopping' || stage.state === 'Stopped' ? stage.attempts : undefined;

  const lost = vanished(stage, ordered, now);
  if (lost !== undefined) stage = afterAttempt(stage, lost, budgets, retry);
  for (const run of ordered) {
    const outcome = run.attempt > counted && !isOver(stage) ? outcomeOf(run, run.attempt === stoppedAttempt) : undefined;
    if (outcome !== undefined) stage = afterAttempt({ ...stage, attempts: run.attempt }, ended(stage, run, outcome, now), budgets, retry);
  }
  const newest = ordered.at(-1);
  // An attempt that is already counted still exists. The next attempt starts when it is gone.
  if (stage.state === 'Starting' && (newest?.attempt ?? 0) < stage.attempts) return stage;
  return newest !== undefined && isActive(newest) && !isOver(stage) ? whileActive(stage, newest, newest.attempt === stoppedAttempt) : stage;
}

const isOver = ({ state }: StageStatus): boolean => state === 'Succeeded' || state === 'Failed';

/**
 * The end of an attempt that is active according to the status, if the substrate knows neither it nor a later one. A Starting attempt may
 * never have existed.
 */
function vanished(stage: StageStatus, runs: readonly StageRun[], now: Date): EndedAttempt | undefined {
  if (!holdsPlace(stage) || stage.state === 'Starting' || runs.some((run) => run.attempt >= stage.attempts)) return undefined;
  const ranMs = stage.startedAt === undefined ? 0 : now.getTime() - Date.parse(stage.startedAt);
  return { outcome: vanishedOutcome(stage.state === 'Stopping'), endedMs: now.getTime(), ranMs };
}

/** When an attempt ended and how long it ran. */
function ended(stage: StageStatus, run: StageRun, outcome: Outcome, now: Date): EndedAttempt {
  const endedMs = run.finishedAt === undefined ? now.getTime() : Date.parse(run.finishedAt);
  const startedAt = startOf(stage, run);
  return { outcome, endedMs, ranMs: startedAt === undefined ? 0 : endedMs - Date.parse(startedAt) };
}

/** When the attempt began. The status may still know it when the pod that recorded it is gone. */
function startOf(stage: StageStatus, run: StageRun): string | undefined {
  return run.startedAt ?? (run.attempt === stage.attempts && run.state !== 'queued' ? stage.startedAt : undefined);
}

const ACTIVE_STATES: Record<Exclude<StageRunState, 'succeeded' | 'failed'>, StageStatusState> = {
  queued: 'Queued',
  pending: 'Pending',
  running: 'Running',
};

function whileActive(stage: StageStatus, run: StageRun, askedToStop: boolean): StageStatus {
  if (run.state === 'succeeded' || run.state === 'failed') return stage;
  const { retryAt: _retryAt, startedAt: _startedAt, node: _node, reason: _reason, message: _message, ...kept } = stage;
  const stopping = run.stopRequested === true || (run.deleting === true && askedToStop);
  const startedAt = startOf(stage, run);
  const isSame = run.attempt === stage.attempts && run.state !== 'queued';
  // An attempt that has begun cannot become pending again: such an observation is older than the one on which the status is based.
  const state = isSame && run.state === 'pending' && stage.state === 'Running' ? 'Running' : ACTIVE_STATES[run.state];
  const node = run.node ?? (isSame ? stage.node : undefined);
  return {
    ...kept,
    attempts: run.attempt,
    state: stopping ? 'Stopping' : state,
    ...(run.state === 'queued' ? { reason: 'Queued' as const } : {}),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(node === undefined ? {} : { node }),
  };
}
