/**
 * The phase of an experiment, derived once from its stages, and its conditions, named as those of batch/v1 Job. Only a change of `status`
 * moves lastTransitionTime.
 */

import type { ConditionType, Reason, StageKey } from '@carpal/configs/names.ts';
import { type Condition, type ExperimentStatus, holdsPlace, type StageStatus } from '@carpal/configs/schema/status.ts';
import { stageTitle } from './stage.ts';
import { entriesOf, placesTaken, type Stages } from './stages.ts';

/** What an experiment is doing. */
export type Phase = {
  /** What the experiment does now, or did last. */
  readonly reason: Reason;
  readonly end?: 'complete' | 'failed';
  /** The first stage that failed; it ended the experiment. */
  readonly failed?: { readonly key: StageKey; readonly stage: StageStatus };
  /** Nothing runs, and an attempt has waited for its Job, a pod, a node or an image long enough to report why. */
  readonly isStuck: boolean;
};

/** The phase of these stages. */
export function phaseOf(stages: Stages): Phase {
  const entries = entriesOf(stages);
  const [key, stage] = entries.find(([, { state }]) => state === 'Failed') ?? [];
  const common = { reason: reasonOf(stages), isStuck: isStuck(entries.map(([, one]) => one)) };
  if (key !== undefined && stage !== undefined) return { ...common, end: 'failed', failed: { key, stage } };
  return stages.ensemble.state === 'Succeeded' ? { ...common, end: 'complete' } : common;
}

function reasonOf(stages: Stages): Reason {
  const states = entriesOf(stages).map(([, { state }]) => state);
  if (states.includes('Queued') && !states.includes('Running')) return 'Queued';
  if (stages.ensemble.state === 'Succeeded') return 'ExperimentComplete';
  if (stages.folds.every((fold) => fold.state === 'Succeeded')) return 'Ensembling';
  if (stages.prepare.state === 'Succeeded') return 'FoldsRunning';
  return stages.prepare.attempts > 0 ? 'Preparing' : 'Pending';
}

function isStuck(stages: readonly StageStatus[]): boolean {
  const waits = stages.some(({ state, message, heldSince }) => heldSince !== undefined || (state === 'Pending' && message !== undefined));
  return waits && !stages.some(({ state }) => state === 'Running' || state === 'Stopping');
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

function prepared({ prepare }: Stages, failed: Verdict | undefined): Verdict {
  if (prepare.state === 'Succeeded') return { status: 'True', reason: 'DatasetPrepared', message: 'the prepared data set is in the store' };
  const reason = failed?.reason ?? (prepare.attempts > 0 ? 'Preparing' : 'Pending');
  return { status: 'False', reason, message: holdsPlace(prepare) ? (prepare.message ?? '') : '' };
}

function training(stages: Stages, phase: Phase, failed: Verdict | undefined): Verdict {
  const finished = stages.folds.filter((fold) => fold.state === 'Succeeded').length;
  const message = `${finished} of ${stages.folds.length} folds finished${waitingMessage(stages)}`;
  if (failed !== undefined) return { status: 'False', reason: failed.reason, message };
  if (placesTaken(stages) > 0) return { status: 'True', reason: 'FoldsRunning', message };
  if (finished === stages.folds.length) return { status: 'False', reason: 'FoldsFinished', message };
  return { status: 'False', reason: phase.reason, message };
}

function suspended(previous: ExperimentStatus | undefined, suspend: boolean): Verdict {
  if (suspend) return { status: 'True', reason: 'SuspendedByUser', message: 'run.suspend is true' };
  const before = previous?.conditions.find((condition) => condition.type === 'Suspended');
  const resumed = before?.status === 'True' || before?.reason === 'Resumed';
  return { status: 'False', reason: resumed ? 'Resumed' : 'NotSuspended', message: 'run.suspend is false' };
}

/**
 * All five conditions of an experiment with these stages, after the planner has decided about them. `suspend` has no effect once the
 * experiment has failed or is complete.
 */
export function conditionsOf(
  stages: Stages,
  phase: Phase,
  previous: ExperimentStatus | undefined,
  options: { readonly suspend: boolean; readonly generation?: number | undefined; readonly now: Date },
): readonly Condition[] {
  const failed = failureOf(phase);
  // Only the condition Failed explains a failure; the other conditions have its reason.
  const no: Verdict = { status: 'False', reason: failed?.reason ?? phase.reason, message: '' };
  const verdicts: Record<Exclude<ConditionType, 'Held'>, Verdict> = {
    Prepared: prepared(stages, failed),
    Training: training(stages, phase, failed),
    Suspended: suspended(previous, options.suspend && phase.end === undefined),
    Complete: phase.end === 'complete' ? { status: 'True', reason: 'ExperimentComplete', message: 'submission.csv is in the store' } : no,
    Failed: failed ?? no,
  };
  return Object.entries(verdicts).map(([type, verdict]) => {
    const before = previous?.conditions.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === verdict.status ? before.lastTransitionTime : options.now.toISOString();
    const generation = options.generation === undefined ? {} : { observedGeneration: options.generation };
    return { type: type as ConditionType, ...verdict, lastTransitionTime, ...generation };
  });
}
