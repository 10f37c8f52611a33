/** What an experiment is doing, derived once from its stages, and the summary of it that `kubectl get` and other tables show. */

import type { Reason, StageKey } from '@carpal/configs/names.ts';
import type { Condition, ExperimentState, ExperimentStatus, StageStatus } from '@carpal/configs/schema/status.ts';
import { entriesOf, type Stages } from './stages.ts';

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

/** The state that tables show for each phase of an experiment that has not ended. */
const STATES: Partial<Record<Reason, ExperimentState>> = {
  Preparing: 'Preparing',
  Queued: 'Queued',
  FoldsRunning: 'Training',
  Ensembling: 'Ensembling',
};

/** State, reason and finished folds, for people; scripts read the conditions. `conditions` are those of the same stages. */
export function summaryOf(
  stages: Stages,
  phase: Phase,
  conditions: readonly Condition[],
  suspend: boolean,
): Pick<ExperimentStatus, 'state' | 'reason' | 'foldsFinished'> {
  const finished = stages.folds.filter(({ state }) => state === 'Succeeded').length;
  return {
    state: stateOf(phase, suspend),
    reason: summaryReason(stages, conditions, phase),
    foldsFinished: `${finished}/${stages.folds.length}`,
  };
}

function stateOf({ end, reason, isStuck }: Phase, suspend: boolean): ExperimentState {
  if (end !== undefined) return end === 'complete' ? 'Complete' : 'Failed';
  if (suspend) return 'Suspended';
  return isStuck ? 'Pending' : (STATES[reason] ?? 'Pending');
}

const isUnderway = ({ state }: StageStatus): boolean => state !== 'Succeeded' && state !== 'Failed';

/** The reason of the end or of the suspension, or else the reason of the first stage that has one, or else the phase. */
function summaryReason(stages: Stages, conditions: readonly Condition[], phase: Phase): Reason {
  const decisive = conditions.find(
    ({ type, status }) => status === 'True' && (type === 'Failed' || type === 'Complete' || type === 'Suspended'),
  );
  if (decisive !== undefined) return decisive.reason;
  const explained = entriesOf(stages).find(([, stage]) => isUnderway(stage) && stage.reason !== undefined);
  return explained?.[1].reason ?? (phase.isStuck ? 'StagePending' : phase.reason);
}
