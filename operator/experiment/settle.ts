/**
 * Brings a stage's status up to what is seen now. Each attempt is counted exactly once: a status whose stage holds a place has counted the
 * attempts before its newest, any other status has counted them all. So attempts may be removed after they were counted, and a status that
 * was lost is counted again from the attempts that are left.
 */

import { FRESH_STAGE, holdsPlace, type StageStatus, type StageStatusState } from '@carpal/configs/experiment-status.ts';
import { type Budgets, type EndedAttempt, judge } from './budgets.ts';
import { isActive, type StageRun, type StageRunState } from './observed.ts';
import { type Outcome, outcomeOf, vanishedOutcome } from './outcome.ts';
import type { RetryPolicy } from './retry-delay.ts';

const ACTIVE_STATES: Record<Exclude<StageRunState, 'succeeded' | 'failed'>, StageStatusState> = {
  queued: 'Queued',
  pending: 'Pending',
  running: 'Running',
};

/** Milliseconds since 1970 of an ISO time. */
const ms = (time: string): number => Date.parse(time);

/** When the attempt began, as far as anybody knew at any time: what tells it may be gone before its end is seen. */
function startOf(stage: StageStatus, run: StageRun): string | undefined {
  return run.startedAt ?? (run.attempt === stage.attempts && run.state !== 'queued' ? stage.startedAt : undefined);
}

function whileActive(stage: StageStatus, run: StageRun, askedToStop: boolean): StageStatus {
  if (run.state === 'succeeded' || run.state === 'failed') return stage;
  const { retryAt: _retryAt, startedAt: _startedAt, node: _node, reason: _reason, message: _message, ...kept } = stage;
  const stopping = run.stopRequested === true || (run.deleting === true && askedToStop);
  const startedAt = startOf(stage, run);
  const isSame = run.attempt === stage.attempts && run.state !== 'queued';
  // What has begun cannot un-begin: a look that says so is older than the one that the status comes from.
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

/** When an attempt ended and how long it ran. */
function ended(stage: StageStatus, run: StageRun, outcome: Outcome, now: Date): EndedAttempt {
  const endedMs = run.finishedAt === undefined ? now.getTime() : ms(run.finishedAt);
  const startedAt = startOf(stage, run);
  return { outcome, endedMs, ranMs: startedAt === undefined ? 0 : endedMs - ms(startedAt) };
}

/** The attempt that the status takes for alive, if the substrate knows neither it nor a later one. One that starts was never there. */
function vanished(stage: StageStatus, runs: readonly StageRun[], now: Date): EndedAttempt | undefined {
  if (!holdsPlace(stage) || stage.state === 'Starting' || runs.some((run) => run.attempt >= stage.attempts)) return undefined;
  const ranMs = stage.startedAt === undefined ? 0 : now.getTime() - ms(stage.startedAt);
  return { outcome: vanishedOutcome(stage.state === 'Stopping'), endedMs: now.getTime(), ranMs };
}

const isOver = ({ state }: StageStatus): boolean => state === 'Succeeded' || state === 'Failed';

/** The stage as it is now, given the status written last and all its attempts that the substrate knows. */
export function settleStage(
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
  if (lost !== undefined) stage = judge(stage, lost, budgets, retry);
  for (const run of ordered) {
    const outcome = run.attempt > counted && !isOver(stage) ? outcomeOf(run, run.attempt === stoppedAttempt) : undefined;
    if (outcome !== undefined) stage = judge({ ...stage, attempts: run.attempt }, ended(stage, run, outcome, now), budgets, retry);
  }
  const newest = ordered.at(-1);
  // What is left of an attempt that is counted already; its successor starts when it has gone.
  if (stage.state === 'Starting' && (newest?.attempt ?? 0) < stage.attempts) return stage;
  return newest !== undefined && isActive(newest) && !isOver(stage) ? whileActive(stage, newest, newest.attempt === stoppedAttempt) : stage;
}
