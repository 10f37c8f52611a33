/**
 * The planner: what to start, what to stop and what to say, from what is seen now. No clock, no input or output, no memory: a restart
 * between any two lines of whoever carries a plan out is harmless, provided that the status is written first.
 */

import { type ExperimentStatus, isTerminal } from '@carpal/configs/schema/status.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type Announcement, dueAnnouncements } from './announcements.ts';
import { enforceDeadlines } from './deadlines.ts';
import { eventsOf, type PlannedEvent } from './events.ts';
import { expiredRuns } from './expiry.ts';
import { explainWaiting } from './explain-waiting.ts';
import { holdStarts } from './explain-waiting.ts';
import { nextStarts, type PlannedStart, withStarts } from './next-starts.ts';
import { isActive, type Observed, type StageRun } from './observed.ts';
import { trainedFraction } from './progress.ts';
import { DEFAULT_RETRY, type RetryPolicy } from './retry-policy.ts';
import { sameStage } from './stage.ts';
import { entriesOf, type Stages, settleStages } from './stages.ts';
import { statusOf } from './status.ts';
import { type StatusChange, statusDiff } from './status-diff.ts';
import { isSuspended, stopAll } from './suspend.ts';

export type Plan = {
  /** To be carried out in this order: write `status`, then stop, start and remove, then tell. */
  readonly status: ExperimentStatus;
  /** Names of attempts to ask to stop. */
  readonly stop: readonly string[];
  readonly start: readonly PlannedStart[];
  /** Names of ended attempts whose time to live has passed. */
  readonly remove: readonly string[];
  /** What `status` changes: first what has ended, then what starts. */
  readonly changes: readonly StatusChange[];
  /** The events that report the changes. */
  readonly events: readonly PlannedEvent[];
  readonly announcements: readonly Announcement[];
  /** Look again after this time at the latest even if nothing changes; absent when only a change can matter. Never 0. */
  readonly requeueAfterMs?: number;
};

/** How soon to look whether an attempt is there that was to start when it was to stop. */
const UNSEEN_MS = 1000;

/** Active attempts that have not been asked to stop yet and are not going anyway. */
const toStop = (runs: readonly StageRun[]): readonly string[] => {
  return runs.filter((run) => isActive(run) && run.stopRequested !== true && run.deleting !== true).map((run) => run.name);
};

function soonest(...times: readonly (number | undefined)[]): { readonly requeueAfterMs?: number } {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? {} : { requeueAfterMs: Math.max(1, Math.min(...known)) };
}

/** An ended experiment: its conditions stay as they are for ever; what still runs is stopped, what has expired is removed. */
function planAfterEnd(experiment: SegmentationExperiment, observed: Observed, status: ExperimentStatus, now: Date): Plan {
  const { remove, nextMs } = expiredRuns(observed.runs, status.finishedAt, experiment.spec.run.ttlAfterFinished, now);
  const announcements = dueAnnouncements(status, 1);
  return { status, stop: toStop(observed.runs), start: [], remove, changes: [], events: [], announcements, ...soonest(nextMs) };
}

function finishPlan(
  experiment: SegmentationExperiment,
  observed: Observed,
  decided: { stages: Stages; stop?: readonly string[]; start?: readonly PlannedStart[]; wakeMs?: readonly (number | undefined)[] },
  now: Date,
): Plan {
  const status = statusOf(experiment, withStarts(decided.stages, decided.start ?? []), observed, now);
  // An attempt's end and the start of its successor are separate changes, although one status records both.
  const ended: ExperimentStatus = { ...status, ...decided.stages };
  const changes = [...statusDiff(observed.status, ended), ...statusDiff(ended, status)];
  return {
    status,
    stop: decided.stop ?? [],
    start: decided.start ?? [],
    remove: [],
    changes,
    events: eventsOf(changes),
    announcements: dueAnnouncements(status, trainedFraction(decided.stages, observed.progress)),
    ...soonest(...(decided.wakeMs ?? [])),
  };
}

/** Decides the next step of an experiment. `experiment` has its defaults filled in; equal arguments give equal plans. */
export function plan(experiment: SegmentationExperiment, observed: Observed, now: Date, retry: RetryPolicy = DEFAULT_RETRY): Plan {
  if (observed.status !== undefined && isTerminal(observed.status)) return planAfterEnd(experiment, observed, observed.status, now);

  const { run } = experiment.spec;
  const settled = settleStages(experiment, observed, retry, now);
  const { stages: explained, nextMs: wordMs } = explainWaiting(settled, observed.runs, observed.status, now);
  const { held } = observed;
  const { stages, nextMs: deadlineMs } = enforceDeadlines(holdStarts(explained, held, now), observed, run, now);
  const failed = [stages.prepare, ...stages.folds, stages.ensemble].some((stage) => stage.state === 'Failed');
  const complete = stages.ensemble.state === 'Succeeded';

  if (failed) return finishPlan(experiment, observed, { stages: stopAll(stages, 'Stopped'), stop: toStop(observed.runs) }, now);
  if (complete) return finishPlan(experiment, observed, { stages, stop: toStop(observed.runs) }, now);
  if (isSuspended(experiment)) {
    // Of an attempt that never came to be there will be no news.
    const wakeMs = entriesOf(stages).some(([, { state }]) => state === 'Starting') ? [UNSEEN_MS] : [];
    return finishPlan(experiment, observed, { stages: stopAll(stages, 'Stopping'), stop: toStop(observed.runs), wakeMs }, now);
  }

  const { starts, nextMs } = nextStarts(experiment.metadata.name, stages, observed.runs, run.parallelism, now);
  const start = starts.filter(({ attempt, ...key }) => !held.some((one) => sameStage(one, key) && one.attempt === attempt));
  const wakeMs = [wordMs, deadlineMs, nextMs, ...held.map(({ againMs }) => againMs)];
  return finishPlan(experiment, observed, { stages, start, wakeMs }, now);
}
