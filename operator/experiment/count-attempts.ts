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
 *        |-------------------------------+--- failure, disruption or stall, budget left
 *        |                               '--- final, budget used up, deadline -----> Failed
 *        |                                                                              |
 *        '--- reopened: a higher run.retry, or for the ensemble another input ----------' (or Succeeded)
 *
 * - `start` is decided in next-starts.ts, deadlines in deadlines.ts, stalls in stop-attempts.ts, outcomes and budgets in retry-policy.ts, and
 *   what reopens a stage in reopen.ts.
 * - A Stopping stage with a reason was stopped for itself: it stays Stopping whatever happens. Without a reason it stops because the experiment
 *   is suspended, and becomes active again if the request never reached it.
 * - A queue may take a running attempt back (Running to Queued). It may release it again before anyone looks: then Running becomes Pending.
 *   An attempt whose container runs otherwise never becomes Pending.
 * - A Starting attempt that the substrate does not know has not vanished: it is started again.
 * - An attempt on a lost node has ended. Once an attempt is counted, it is never active again.
 * - When another stage ends the experiment, stages with an active attempt become Stopped (plan.ts).
 * - Succeeded and Failed change only if a change of the spec reopens the stage.
 */

import { attemptLogKey } from '@carpal/artifacts/logs.ts';
import { withoutUndefined } from '@carpal/configs/json.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type FoldStatus, FRESH_STAGE, holdsPlace, type StageStatus, type StageStatusState } from '@carpal/configs/schema/status.ts';
import { withAttempt } from './attempt-history.ts';
import { isActive, type Observed, progressOf, type StageRun, type StageRunState } from './observed.ts';
import { foldFigures, foldGpu, stageWarnings } from './progress.ts';
import { afterAttempt, type Outcome, outcomeOf, type RetryPolicy, type StopCause, vanishedOutcome } from './retry-policy.ts';
import { evictedMs, isEvicted, lastSignOf, runOf, startOf, type Times, vanishedRunOf } from './run-time.ts';
import { sameStage } from './stage.ts';
import { type StageRules, stageRules } from './stage-rules.ts';
import { foldsOf, type Stages, stopCauseOf } from './stages.ts';

/** What counting the attempts of a stage needs to know. */
export type Counting = Times & {
  readonly rules: StageRules;
  readonly retry: RetryPolicy;
  /** The key of an attempt's log in the artifact store. */
  readonly logKey: (attempt: number) => string;
};

/** The stages of the experiment as they are now. Every attempt that has ended since the last status is counted. */
export function countAttempts(experiment: SegmentationExperiment, observed: Observed, retry: RetryPolicy, now: Date): Stages {
  const { status, progress } = observed;
  const count = (key: StageKey, previous: StageStatus | undefined): StageStatus => {
    const { warnings: _warnings, ...stage } = countStageAttempts(
      previous,
      observed.runs.filter((run) => sameStage(run, key)),
      {
        rules: stageRules(experiment, key),
        retry,
        now,
        lastSign: lastSignOf(progress, key),
        logKey: (attempt) => attemptLogKey(experiment, { ...key, attempt }),
      },
    );
    const warnings = stageWarnings(stage, progressOf(progress, key), previous);
    return warnings.length === 0 ? stage : { ...stage, warnings };
  };
  const folds = foldsOf(experiment).map((index): FoldStatus => {
    const key: StageKey = { stage: 'fold', fold: index };
    const previous = status?.folds.find((fold) => fold.index === index);
    const report = progressOf(progress, key);
    const stage = count(key, previous);
    const gpu = foldGpu(stage, report, previous);
    return { ...foldFigures(stage, report, previous), ...(gpu === undefined ? {} : { gpu }), ...attemptFields(stage), index };
  });
  return { prepare: count({ stage: 'prepare' }, status?.prepare), folds, ensemble: count({ stage: 'ensemble' }, status?.ensemble) };
}

function attemptFields(stage: StageStatus): StageStatus {
  const {
    state,
    attempts,
    failures,
    disruptions,
    activeSeconds,
    lastAttempts,
    startedAt,
    heldSince,
    retryAt,
    reason,
    message,
    node,
    warnings,
  } = stage;
  const optional = { lastAttempts, startedAt, heldSince, retryAt, reason, message, node, warnings };
  const known = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return { state, attempts, failures, disruptions, activeSeconds, ...known };
}

/** The stage as it is now, given the status written last and all its attempts that the substrate knows. */
export function countStageAttempts(previous: StageStatus | undefined, runs: readonly StageRun[], counting: Counting): StageStatus {
  let stage = previous ?? FRESH_STAGE;
  if (isOver(stage)) return stage;
  const ordered = runs.toSorted((a, b) => a.attempt - b.attempt);
  const counted = holdsPlace(stage) ? stage.attempts - 1 : stage.attempts;
  const asked = (run: StageRun): StopCause | undefined => (run.attempt === previous?.attempts ? stopCauseOf(previous) : undefined);

  if (hasVanished(stage, ordered)) stage = afterVanished(stage, counting);
  for (const run of ordered) {
    if (run.attempt <= counted || isOver(stage)) continue;
    stage = withoutEvictedPart(stage, run, counting);
    const outcome = outcomeOf(run, asked(run));
    if (outcome !== undefined) stage = afterEnd(stage, run, outcome, counting);
  }
  const newest = ordered.at(-1);
  // An attempt that is already counted may still exist. The next attempt starts when it is gone.
  if (newest === undefined || newest.attempt <= counted || !isActive(newest) || isOver(stage)) return stage;
  return whileActive(stage, newest, asked(newest), counting.now);
}

const isOver = ({ state }: StageStatus): boolean => state === 'Succeeded' || state === 'Failed';

/**
 * Whether the attempt that is active according to the status does not exist any more: the substrate knows neither it nor a later one. A
 * Starting attempt may never have existed.
 */
function hasVanished(stage: StageStatus, runs: readonly StageRun[]): boolean {
  return holdsPlace(stage) && stage.state !== 'Starting' && !runs.some((run) => run.attempt >= stage.attempts);
}

function afterVanished(stage: StageStatus, counting: Counting): StageStatus {
  const { rules, retry, now, logKey } = counting;
  const outcome = vanishedOutcome(stopCauseOf(stage));
  const run = vanishedRunOf(stage, counting);
  // The delay of the next attempt begins now: when it vanished is unknown.
  const after = afterAttempt(stage, { outcome, endedMs: now.getTime(), ranMs: run.ranMs }, rules, retry);
  return withAttempt(after, { attempt: stage.attempts, node: stage.node, reason: outcome.reason }, run, logKey);
}

function afterEnd(stage: StageStatus, run: StageRun, outcome: Outcome, counting: Counting): StageStatus {
  const { rules, retry, now, logKey } = counting;
  const time = runOf(stage, run, counting);
  // The delay after a lost attempt begins now: when it ended is unknown.
  const endedMs = run.lost === true ? now.getTime() : time.endedMs;
  const { attempt, exitCode, log } = run;
  const node = run.node ?? (attempt === stage.attempts ? stage.node : undefined);
  const after = afterAttempt({ ...stage, attempts: attempt }, { outcome, endedMs, ranMs: time.ranMs }, rules, retry);
  return withAttempt(after, { attempt, exitCode, node, reason: outcome.reason, log }, time, logKey);
}

/** The stage without the container that a queue has stopped. Its time is counted; the attempt may run again. */
function withoutEvictedPart(stage: StageStatus, run: StageRun, times: Times): StageStatus {
  if (!isEvicted(stage, run)) return stage;
  const { startedAt: _startedAt, node: _node, ...kept } = stage;
  const state = stage.state === 'Stopping' ? stage.state : 'Queued';
  return { ...kept, state, activeSeconds: stage.activeSeconds + evictedMs(stage, run, times) / 1000 };
}

const ACTIVE_STATES: Record<Exclude<StageRunState, 'succeeded' | 'failed'>, StageStatusState> = {
  queued: 'Queued',
  pending: 'Pending',
  running: 'Running',
};

function whileActive(stage: StageStatus, run: StageRun, asked: StopCause | undefined, now: Date): StageStatus {
  if (run.state === 'succeeded' || run.state === 'failed') return stage;
  const { retryAt: _retryAt, startedAt: _startedAt, node: _node, reason, message, ...kept } = stage;
  // A stop with a reason of its own stays decided, even if the request never reached the attempt.
  const decided = asked !== undefined && stage.state === 'Stopping' && reason !== undefined;
  const stopping = decided || run.stopRequested === true || (run.deleting === true && asked !== undefined);
  const startedAt = startOf(stage, run, now);
  const isSame = run.attempt === stage.attempts && run.state !== 'queued';
  // An attempt that has begun cannot become pending again: such an observation is older than the one on which the status is based.
  const state = isSame && run.state === 'pending' && stage.state === 'Running' ? 'Running' : ACTIVE_STATES[run.state];
  const node = run.node ?? (isSame ? stage.node : undefined);
  return {
    ...kept,
    attempts: run.attempt,
    state: stopping ? 'Stopping' : state,
    ...(run.state === 'queued' && !stopping ? { reason: 'Queued' as const } : {}),
    ...(decided ? withoutUndefined({ reason, message }) : {}),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(node === undefined ? {} : { node }),
  };
}
