/** The experiment in a few words, for `kubectl get` and other tables. Nothing is decided by them: scripts go by the conditions. */

import type { Condition, ExperimentState, ExperimentStatus, StageStatus } from '@carpal/configs/experiment-status.ts';
import type { Reason } from '@carpal/configs/names.ts';
import { endOf, phaseOf } from './conditions.ts';
import { entriesOf, type Stages } from './stages.ts';

/** The state that each phase of a running experiment is called by. */
const STATES: Partial<Record<Reason, ExperimentState>> = {
  Preparing: 'Preparing',
  Queued: 'Queued',
  FoldsRunning: 'Training',
  Ensembling: 'Ensembling',
};

/** Nothing runs, and what has an attempt has waited for its Job, a pod, a node or an image long enough to say why. */
function isStuck(stages: Stages): boolean {
  const held = entriesOf(stages).map(([, stage]) => stage);
  const waits = held.some(({ state, message, heldSince }) => heldSince !== undefined || (state === 'Pending' && message !== undefined));
  return waits && !held.some(({ state }) => state === 'Running' || state === 'Stopping');
}

const isUnderway = ({ state }: StageStatus): boolean => state !== 'Succeeded' && state !== 'Failed';

/** Why it is where it is: the end's reason, the wish to suspend, else what holds the first stage back that says so, else the phase. */
function reasonOf(stages: Stages, conditions: readonly Condition[], phase: Reason): Reason {
  const decisive = conditions.find(
    ({ type, status }) => status === 'True' && (type === 'Failed' || type === 'Complete' || type === 'Suspended'),
  );
  if (decisive !== undefined) return decisive.reason;
  const held = entriesOf(stages).find(([, stage]) => isUnderway(stage) && stage.reason !== undefined);
  return held?.[1].reason ?? (isStuck(stages) ? 'StagePending' : phase);
}

/** State, reason and finished folds of stages whose conditions are these. */
export function summaryOf(
  stages: Stages,
  conditions: readonly Condition[],
  suspend: boolean,
): Pick<ExperimentStatus, 'state' | 'reason' | 'foldsFinished'> {
  const phase = phaseOf(stages);
  const end = endOf(conditions);
  const ended: ExperimentState = end === 'complete' ? 'Complete' : 'Failed';
  const atWork: ExperimentState = isStuck(stages) ? 'Pending' : (STATES[phase] ?? 'Pending');
  const goesOn: ExperimentState = suspend ? 'Suspended' : atWork;
  const finished = stages.folds.filter(({ state }) => state === 'Succeeded').length;
  return {
    state: end === undefined ? goesOn : ended,
    reason: reasonOf(stages, conditions, phase),
    foldsFinished: `${finished}/${stages.folds.length}`,
  };
}
