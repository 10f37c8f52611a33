/**
 * The planner. From what is observed now, it decides what to start, what to stop and what the status says. It has no clock, no input or
 * output and no memory. Carrying out a plan may be interrupted at any point, provided that its status is written first.
 */

import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type ExperimentStatus, isTerminal, type StageStatus } from '@carpal/configs/schema/status.ts';
import { settleTimes } from './attempt-history.ts';
import { countAttempts } from './count-attempts.ts';
import { enforceDeadlines } from './deadlines.ts';
import { eventsOf, type PlannedEvent } from './events.ts';
import { expiredRuns } from './expiry.ts';
import { explainHeldStarts, explainWaiting } from './explain-waiting.ts';
import { nextStarts, type PlannedStart, withStarts } from './next-starts.ts';
import { isActive, mustBeAbandoned, type Observed, type StageRun } from './observed.ts';
import { ensembleInputs, reopening } from './reopen.ts';
import { DEFAULT_RETRY, longestDelayMs, type RetryPolicy } from './retry-policy.ts';
import { soonest } from './soonest.ts';
import { sameStage } from './stage.ts';
import { endOf, entriesOf, mapStages, type Stages, stageAt, stopAll } from './stages.ts';
import { statusOf } from './status.ts';
import { type StatusChange, statusDiff } from './status-diff.ts';
import { replaceOutdated, stopStalled } from './stop-attempts.ts';

export type Plan = {
  /** The plan must be carried out in this order: write `status`, then stop, abandon, start and remove. */
  readonly status: ExperimentStatus;
  /** Names of attempts to ask to stop. */
  readonly stop: readonly string[];
  /** Names of lost attempts to end without waiting for their nodes. */
  readonly abandon: readonly string[];
  readonly start: readonly PlannedStart[];
  /** Names of ended attempts whose time to live has passed. */
  readonly remove: readonly string[];
  /** What `status` changes: first what has ended, then what starts. */
  readonly changes: readonly StatusChange[];
  /** The events that report the changes. */
  readonly events: readonly PlannedEvent[];
  /** Look again after this time at the latest, even if nothing changes; absent if only a change can matter. Never 0. */
  readonly requeueAfterMs?: number;
};

/** What every policy decides from. */
type Situation = {
  readonly experiment: SegmentationExperiment;
  /** `status` is the one from which the experiment continues. */
  readonly observed: Observed;
  readonly now: Date;
  readonly retry: RetryPolicy;
};

/** What the policies have decided so far. Which attempts to stop follows from the stages. */
type Draft = {
  readonly stages: Stages;
  readonly start: readonly PlannedStart[];
  /** Milliseconds after which a policy wants to look again. */
  readonly wakeMs: readonly (number | undefined)[];
  /** Whether the policies after this one do not apply. */
  readonly isDecided: boolean;
};

type Policy = (draft: Draft, situation: Situation) => Draft;

/** The policies in the order in which they apply. Each gets the draft of the policy before it. */
const POLICIES: readonly Policy[] = [
  boundRetries,
  // Explain why attempts have not begun.
  reportWaiting,
  reportHeldStarts,
  // Stop or end stages, and end the experiment.
  failLateStages,
  stopStalledStages,
  replaceWaiting,
  endExperiment,
  // Stop or start what is left.
  suspend,
  startNext,
];

/** Decides the next step of an experiment. `experiment` has its defaults filled in. Equal arguments give equal plans. */
export function plan(experiment: SegmentationExperiment, observed: Observed, now: Date, retry: RetryPolicy = DEFAULT_RETRY): Plan {
  const { status } = observed;
  const change = status === undefined ? undefined : reopening(experiment, status, observed.runs);
  const isReopened = change !== undefined && 'status' in change;
  if (status !== undefined && isTerminal(status) && !isReopened)
    return planAfterEnd(experiment, observed, status, now, change !== undefined);

  const situation: Situation = {
    // A higher run.retry that has to wait is seen again by the next plan.
    experiment: change === undefined || isReopened ? experiment : withRetry(experiment, status?.retry ?? 0),
    observed: isReopened ? { ...observed, status: change.status } : observed,
    now,
    retry,
  };
  let draft: Draft = {
    stages: countAttempts(situation.experiment, situation.observed, retry, now),
    start: [],
    wakeMs: [],
    isDecided: false,
  };
  for (const policy of POLICIES) {
    draft = policy(draft, situation);
    if (draft.isDecided) break;
  }
  return planOf(draft, situation, status);
}

const withRetry = (experiment: SegmentationExperiment, retry: number): SegmentationExperiment => ({
  ...experiment,
  spec: { ...experiment.spec, run: { ...experiment.spec.run, retry } },
});

/** No retry is due later than the longest delay from now: a clock that was ahead may have written its time. */
function boundRetries(draft: Draft, { now, retry }: Situation): Draft {
  const latestMs = now.getTime() + longestDelayMs(retry);
  const stages = mapStages(draft.stages, (_key, stage) =>
    stage.retryAt !== undefined && Date.parse(stage.retryAt) > latestMs ? { ...stage, retryAt: new Date(latestMs).toISOString() } : stage,
  );
  return { ...draft, stages };
}

/** Puts the reason into the status of each stage whose attempt has waited for a while. */
function reportWaiting(draft: Draft, { observed, now }: Situation): Draft {
  const { stages, nextMs } = explainWaiting(draft.stages, observed.runs, observed.status, now);
  return { ...draft, stages, wakeMs: [...draft.wakeMs, nextMs] };
}

/** Puts the reason into the status of each stage whose attempt could not be started. */
function reportHeldStarts(draft: Draft, { observed: { held }, now }: Situation): Draft {
  const stages = explainHeldStarts(draft.stages, held, now);
  return { ...draft, stages, wakeMs: [...draft.wakeMs, ...held.map(({ againMs }) => againMs)] };
}

/** Fails each stage that has missed one of its deadlines. */
function failLateStages(draft: Draft, { experiment, observed, now }: Situation): Draft {
  const { stages, nextMs } = enforceDeadlines(draft.stages, observed, experiment, now);
  return { ...draft, stages, wakeMs: [...draft.wakeMs, nextMs] };
}

/** Stops each stage that makes no progress. Its end counts as a disruption. */
function stopStalledStages(draft: Draft, { experiment, observed, now }: Situation): Draft {
  const { stages, nextMs } = stopStalled(draft.stages, observed, experiment.spec.run.stallTimeout, now);
  return { ...draft, stages, wakeMs: [...draft.wakeMs, nextMs] };
}

/** Stops each attempt that has not begun and would be placed elsewhere now. The next attempt uses no budget. */
function replaceWaiting(draft: Draft, { observed }: Situation): Draft {
  return { ...draft, stages: replaceOutdated(draft.stages, observed) };
}

/** Ends the experiment if nothing is left to do: everything that still runs is stopped. */
function endExperiment(draft: Draft, { experiment }: Situation): Draft {
  if (endOf(draft.stages, experiment.spec.run.onFoldFailure) === undefined) return draft;
  return { stages: stopAll(draft.stages, 'Stopped'), start: [], wakeMs: [], isDecided: true };
}

/** The delay after which the planner checks again whether an attempt exists that was Starting when it was asked to stop. */
const UNSEEN_MS = 1000;

/** Stops everything while run.suspend is true. Stopped attempts leave a checkpoint, and the attempts after them use no budget. */
function suspend(draft: Draft, { experiment }: Situation): Draft {
  if (!experiment.spec.run.suspend) return draft;
  // No event would report that an attempt was never created.
  const wakeMs = entriesOf(draft.stages).some(([, { state }]) => state === 'Starting') ? [UNSEEN_MS] : [];
  return { stages: stopAll(draft.stages, 'Stopping'), start: [], wakeMs, isDecided: true };
}

/** Starts the attempts whose turn has come: prepare, then folds within run.parallelism, then the ensemble. */
function startNext(draft: Draft, { experiment, observed: { runs, held }, now }: Situation): Draft {
  const { starts, nextMs } = nextStarts(experiment.metadata.name, draft.stages, runs, experiment.spec.run.parallelism, now);
  const start = starts.filter(({ attempt, ...key }) => !held.some((one) => sameStage(one, key) && one.attempt === attempt));
  return { ...draft, start, wakeMs: [...draft.wakeMs, nextMs] };
}

/** Active attempts that have not been asked to stop yet and are not being deleted. */
function toStop(runs: readonly StageRun[]): readonly string[] {
  return runs.filter((run) => isActive(run) && run.stopRequested !== true && run.deleting !== true).map((run) => run.name);
}

const lostOf = (runs: readonly StageRun[]): readonly string[] => runs.filter(mustBeAbandoned).map(({ name }) => name);

/**
 * An ended experiment: its status stays unchanged, what still runs is stopped, and what has expired is removed, unless the experiment is
 * about to be reopened.
 */
function planAfterEnd(
  experiment: SegmentationExperiment,
  { runs }: Observed,
  status: ExperimentStatus,
  now: Date,
  isReopening: boolean,
): Plan {
  const expired = expiredRuns(runs, status.finishedAt, experiment.spec.run.ttlAfterFinished, now);
  const { remove, nextMs } = isReopening ? { remove: [], nextMs: undefined } : expired;
  return { status, stop: toStop(runs), abandon: lostOf(runs), start: [], remove, changes: [], events: [], ...requeueAfter(nextMs) };
}

function planOf(draft: Draft, { experiment, observed, now }: Situation, before: ExperimentStatus | undefined): Plan {
  const { start, wakeMs, isDecided } = draft;
  const { runs } = observed;
  const stages = settleTimes(draft.stages, experiment, now);
  const status = withEnsembleInputs(statusOf(experiment, withStarts(stages, start), observed, now), experiment, start);
  // The end of an attempt and the start of the next one are separate changes, although one status records both.
  const ended: ExperimentStatus = { ...status, ...stages };
  const changes = [...statusDiff(before, ended), ...statusDiff(ended, status)];
  return {
    status,
    stop: toStop(isDecided ? runs : runs.filter((run) => mustStop(stageAt(stages, run)))),
    abandon: lostOf(runs),
    start,
    remove: [],
    changes,
    events: eventsOf(changes, experiment.spec.placement),
    ...requeueAfter(soonest(...wakeMs)),
  };
}

const mustStop = (stage: StageStatus | undefined): boolean => stage?.state === 'Stopping' || stage?.state === 'Failed';

/** The status with a record of what the ensemble gets, once its first start is planned. */
function withEnsembleInputs(
  status: ExperimentStatus,
  experiment: SegmentationExperiment,
  starts: readonly PlannedStart[],
): ExperimentStatus {
  const begins = starts.some(({ stage, again }) => stage === 'ensemble' && again !== true);
  return begins ? { ...status, ensembleInputs: ensembleInputs(experiment) } : status;
}

const requeueAfter = (ms: number | undefined): { readonly requeueAfterMs?: number } =>
  ms === undefined ? {} : { requeueAfterMs: Math.max(1, ms) };
