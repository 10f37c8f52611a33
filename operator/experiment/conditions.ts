/**
 * The phase of an experiment, derived once from its stages, and its conditions, named as those of batch/v1 Job. Only a change of `status`
 * moves lastTransitionTime.
 */

import type { ConditionType, Reason, StageKey } from '@carpal/configs/names.ts';
import type { RunSpec } from '@carpal/configs/schema/experiment.ts';
import { type Condition, type ExperimentStatus, holdsPlace, type StageStatus } from '@carpal/configs/schema/status.ts';
import { stageTitle } from './stage.ts';
import { endOf, entriesOf, type Stages } from './stages.ts';

/** What an experiment is doing. */
export type Phase = {
  /** What the experiment does now; if nothing runs, what it waits for, or did last. */
  readonly reason: Reason;
  readonly end?: 'complete' | 'failed';
  /** The first stage that failed; it ended the experiment. */
  readonly failed?: { readonly key: StageKey; readonly stage: StageStatus };
  /** Nothing runs, and a queue holds an attempt. */
  readonly isQueued: boolean;
  /** Nothing runs, and an attempt has waited for its Job, a pod, a node or an image long enough to report why. */
  readonly isStuck: boolean;
};

/** The phase of these stages. */
export function phaseOf(stages: Stages, onFoldFailure: RunSpec['onFoldFailure']): Phase {
  const all = entriesOf(stages).map(([, stage]) => stage);
  const runs = all.some(isRunning);
  const common = {
    reason: reasonOf(stages),
    isQueued: !runs && all.some(({ state }) => state === 'Queued'),
    isStuck: !runs && all.some(hasWaited),
  };
  const end = endOf(stages, onFoldFailure);
  if (end === undefined) return common;
  const [key, stage] = entriesOf(stages).find(([, { state }]) => state === 'Failed') ?? [];
  return end === 'failed' && key !== undefined && stage !== undefined ? { ...common, end, failed: { key, stage } } : { ...common, end };
}

/** Whether the container of the stage runs. */
const isRunning = ({ state, startedAt }: StageStatus): boolean => state === 'Running' || (state === 'Stopping' && startedAt !== undefined);

const hasWaited = ({ state, message, heldSince }: StageStatus): boolean =>
  heldSince !== undefined || (state === 'Pending' && message !== undefined);

const RUNS: Record<StageKey['stage'], Reason> = { prepare: 'Preparing', fold: 'FoldsRunning', ensemble: 'Ensembling' };

function reasonOf(stages: Stages): Reason {
  if (stages.ensemble.state === 'Succeeded') return 'ExperimentComplete';
  const entries = entriesOf(stages);
  const [running] = entries.find(([, stage]) => isRunning(stage)) ?? [];
  if (running !== undefined) return RUNS[running.stage];
  const [, explained] = entries.find(([, { state, reason }]) => state !== 'Succeeded' && state !== 'Failed' && reason !== undefined) ?? [];
  // The stage says whether it was evicted.
  if (explained?.state === 'Queued') return 'Queued';
  if (explained?.reason !== undefined) return explained.reason;
  if (stages.folds.every((fold) => fold.state === 'Succeeded')) return 'Ensembling';
  if (stages.prepare.state === 'Succeeded') return 'StagePending';
  return stages.prepare.attempts > 0 ? 'Preparing' : 'Pending';
}

type Verdict = { readonly status: Condition['status']; readonly reason: Reason; readonly message: string };

/** The failure that ended the experiment. */
function failureOf({ failed }: Phase): Verdict | undefined {
  if (failed === undefined) return undefined;
  const { key, stage } = failed;
  return { status: 'True', reason: stage.reason ?? 'StageFailed', message: `${stageTitle(key)} ${describe(stage.message)}` };
}

const describe = (message: string | undefined): string => (message?.startsWith('exit') ? `ended with ${message}` : (message ?? 'failed'));

/** How many folds with an attempt wait, and why; '' if none has waited long enough to report it. */
function waitingMessage({ folds }: Stages): string {
  const waits = ({ state, heldSince }: StageStatus): boolean => state === 'Pending' || state === 'Queued' || heldSince !== undefined;
  const waiting = folds.filter((fold) => waits(fold) && fold.message !== undefined);
  const [first] = waiting;
  return first === undefined ? '' : `, ${waiting.length} ${waiting.length === 1 ? 'waits' : 'wait'}: ${first.message}`;
}

function prepared({ prepare }: Stages, phase: Phase): Verdict {
  if (prepare.state === 'Succeeded') return { status: 'True', reason: 'DatasetPrepared', message: 'the prepared data set is in the store' };
  return { status: 'False', reason: phase.reason, message: holdsPlace(prepare) ? (prepare.message ?? '') : '' };
}

function training(stages: Stages, phase: Phase): Verdict {
  const { folds } = stages;
  const count = (state: StageStatus['state']): number => folds.filter((fold) => fold.state === state).length;
  const failures = phase.end === undefined && count('Failed') > 0 ? `, ${count('Failed')} failed` : '';
  const message = `${count('Succeeded')} of ${folds.length} folds finished${failures}${waitingMessage(stages)}`;
  if (phase.end === undefined && folds.some(isRunning)) return { status: 'True', reason: 'FoldsRunning', message };
  const isOver = count('Succeeded') === folds.length && phase.end !== 'failed';
  return { status: 'False', reason: isOver ? 'FoldsFinished' : phase.reason, message };
}

function suspended(previous: ExperimentStatus | undefined, suspend: boolean): Verdict {
  if (suspend) return { status: 'True', reason: 'SuspendedByUser', message: 'run.suspend is true' };
  const before = previous?.conditions.find((condition) => condition.type === 'Suspended');
  const resumed = before?.status === 'True' || before?.reason === 'Resumed';
  return { status: 'False', reason: resumed ? 'Resumed' : 'NotSuspended', message: 'run.suspend is false' };
}

/** Why the experiment continues although it had ended. It stays until the experiment ends again. */
function reopened(type: 'Complete' | 'Failed', previous: ExperimentStatus | undefined, retry: number): Verdict | undefined {
  const before = previous?.conditions.find((condition) => condition.type === type);
  if (before?.status === 'False' && before.reason === 'Reopened') return { status: 'False', reason: 'Reopened', message: before.message };
  if (before?.status !== 'True') return undefined;
  const cause = retry > (previous?.retry ?? 0) ? `run.retry is ${retry}` : 'inference or ensemble has changed';
  return { status: 'False', reason: 'Reopened', message: `${cause}; finished stages stay as they are` };
}

/**
 * The conditions of an experiment with these stages, after the planner has decided about them. Held is not among them: the planner
 * understands the manifest. `suspend` has no effect once the experiment has failed or is complete.
 */
export function conditionsOf(
  stages: Stages,
  ownPhase: Phase,
  previous: ExperimentStatus | undefined,
  options: { readonly suspend: boolean; readonly retry: number; readonly generation?: number | undefined; readonly now: Date },
): readonly Condition[] {
  const suspend = options.suspend && ownPhase.end === undefined;
  const failed = failureOf(ownPhase);
  // Only the conditions Failed and Suspended explain a failure or a suspension; the other conditions have its reason.
  const phase: Phase = { ...ownPhase, reason: failed?.reason ?? (suspend ? 'SuspendedByUser' : ownPhase.reason) };
  const no: Verdict = { status: 'False', reason: phase.reason, message: '' };
  const complete: Verdict = { status: 'True', reason: 'ExperimentComplete', message: 'submission.csv is in the store' };
  const reopenedFrom = (type: 'Complete' | 'Failed'): Verdict | undefined =>
    phase.end === undefined ? reopened(type, previous, options.retry) : undefined;
  const verdicts: Record<Exclude<ConditionType, 'Held'>, Verdict> = {
    Prepared: prepared(stages, phase),
    Training: training(stages, phase),
    Suspended: suspended(previous, suspend),
    Complete: phase.end === 'complete' ? complete : (reopenedFrom('Complete') ?? no),
    Failed: failed ?? reopenedFrom('Failed') ?? no,
  };
  return Object.entries(verdicts).map(([type, verdict]) => {
    const before = previous?.conditions.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === verdict.status ? before.lastTransitionTime : options.now.toISOString();
    const generation = options.generation === undefined ? {} : { observedGeneration: options.generation };
    return { type: type as ConditionType, ...verdict, lastTransitionTime, ...generation };
  });
}
