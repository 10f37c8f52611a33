/**
 * The planner. From what is observed now, it decides what to start, what to stop and what the status says. It has no clock, no input or
 * output and no memory. Carrying out a plan may be interrupted at any point, provided that its status is written first.
 */

import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type ExperimentStatus, isTerminal } from '@carpal/configs/schema/status.ts';
import { countAttempts } from './count-attempts.ts';
import { enforceDeadlines } from './deadlines.ts';
import { eventsOf, type PlannedEvent } from './events.ts';
import { expiredRuns } from './expiry.ts';
import { explainHeldStarts, explainWaiting } from './explain-waiting.ts';
import { nextStarts, type PlannedStart, withStarts } from './next-starts.ts';
import { isActive, type Observed, type StageRun } from './observed.ts';
import { DEFAULT_RETRY, type RetryPolicy } from './retry-policy.ts';
import { soonest } from './soonest.ts';
import { sameStage } from './stage.ts';
import { entriesOf, type Stages, stopAll } from './stages.ts';
import { statusOf } from './status.ts';
import { type StatusChange, statusDiff } from './status-diff.ts';

export type Plan = {
  /** The plan must be carried out in this order: write `status`, then stop, start and remove. */
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
  /** Look again after this time at the latest, even if nothing changes; absent if only a change can matter. Never 0. */
  readonly requeueAfterMs?: number;
};

/** What every policy decides from. */
type Situation = {
  readonly experiment: SegmentationExperiment;
  readonly observed: Observed;
  readonly now: Date;
};

/** What the policies have decided so far. */
type Draft = {
  readonly stages: Stages;
  readonly stop: readonly string[];
  readonly start: readonly PlannedStart[];
  /** Milliseconds after which a policy wants to look again. */
  readonly wakeMs: readonly (number | undefined)[];
  /** Whether the policies after this one do not apply. */
  readonly isDecided: boolean;
};

type Policy = (draft: Draft, situation: Situation) => Draft;

/** The policies in the order in which they apply. Each gets the draft of the policy before it. */
const POLICIES: readonly Policy[] = [
  // Explain why attempts have not begun.
  reportWaiting,
  reportHeldStarts,
  // End stages, and the experiment.
  failLateStages,
  endAfterFailure,
  endAfterSuccess,
  // Stop or start what is left.
  suspend,
  startNext,
];

/** Decides the next step of an experiment. `experiment` has its defaults filled in. Equal arguments give equal plans. */
export function plan(experiment: SegmentationExperiment, observed: Observed, now: Date, retry: RetryPolicy = DEFAULT_RETRY): Plan {
  if (observed.status !== undefined && isTerminal(observed.status)) return planAfterEnd(experiment, observed, observed.status, now);

  const situation: Situation = { experiment, observed, now };
  let draft: Draft = { stages: countAttempts(experiment, observed, retry, now), stop: [], start: [], wakeMs: [], isDecided: false };
  for (const policy of POLICIES) {
    draft = policy(draft, situation);
    if (draft.isDecided) break;
  }
  return planOf(draft, situation);
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

/** Fails each stage that has missed run.startDeadline or run.foldDeadline. */
function failLateStages(draft: Draft, { experiment, observed, now }: Situation): Draft {
  const { stages, nextMs } = enforceDeadlines(draft.stages, observed, experiment.spec.run, now);
  return { ...draft, stages, wakeMs: [...draft.wakeMs, nextMs] };
}

/** Ends the experiment if a stage has failed: everything that still runs is stopped. */
function endAfterFailure(draft: Draft, { observed }: Situation): Draft {
  if (!entriesOf(draft.stages).some(([, { state }]) => state === 'Failed')) return draft;
  return { stages: stopAll(draft.stages, 'Stopped'), stop: toStop(observed.runs), start: [], wakeMs: [], isDecided: true };
}

/** Ends the experiment once the ensemble has succeeded. */
function endAfterSuccess(draft: Draft, { observed }: Situation): Draft {
  if (draft.stages.ensemble.state !== 'Succeeded') return draft;
  return { stages: draft.stages, stop: toStop(observed.runs), start: [], wakeMs: [], isDecided: true };
}

/** The delay after which the planner checks again whether an attempt exists that was Starting when it was asked to stop. */
const UNSEEN_MS = 1000;

/** Stops everything while run.suspend is true. Stopped attempts leave a checkpoint, and the attempts after them use no budget. */
function suspend(draft: Draft, { experiment, observed }: Situation): Draft {
  if (!experiment.spec.run.suspend) return draft;
  // No event would report that an attempt was never created.
  const wakeMs = entriesOf(draft.stages).some(([, { state }]) => state === 'Starting') ? [UNSEEN_MS] : [];
  return { stages: stopAll(draft.stages, 'Stopping'), stop: toStop(observed.runs), start: [], wakeMs, isDecided: true };
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

/** An ended experiment: its status stays unchanged, what still runs is stopped, and what has expired is removed. */
function planAfterEnd(experiment: SegmentationExperiment, observed: Observed, status: ExperimentStatus, now: Date): Plan {
  const { remove, nextMs } = expiredRuns(observed.runs, status.finishedAt, experiment.spec.run.ttlAfterFinished, now);
  return { status, stop: toStop(observed.runs), start: [], remove, changes: [], events: [], ...requeueAfter(nextMs) };
}

function planOf({ stages, stop, start, wakeMs }: Draft, { experiment, observed, now }: Situation): Plan {
  const status = statusOf(experiment, withStarts(stages, start), observed, now);
  // The end of an attempt and the start of the next one are separate changes, although one status records both.
  const ended: ExperimentStatus = { ...status, ...stages };
  const changes = [...statusDiff(observed.status, ended), ...statusDiff(ended, status)];
  return { status, stop, start, remove: [], changes, events: eventsOf(changes), ...requeueAfter(soonest(...wakeMs)) };
}

const requeueAfter = (ms: number | undefined): { readonly requeueAfterMs?: number } =>
  ms === undefined ? {} : { requeueAfterMs: Math.max(1, ms) };
