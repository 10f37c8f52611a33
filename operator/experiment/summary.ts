/** The experiment in a few words, for `kubectl get` and other tables. Nothing is decided by them: scripts go by the conditions. */
import type { Reason } from '@carpal/configs/names.ts';
import { endOf, phaseOf } from './conditions.ts';
import type { Condition, ExperimentState, ExperimentStatus, StageStatus } from './experiment-status.ts';
import { entriesOf, type Stages } from './stages.ts';

/** The state that each phase of a running experiment is called by. */
const STATES: Partial<Record<Reason, ExperimentState>> = {
  Preparing: 'Preparing',
  Queued: 'Queued',
  FoldsRunning: 'Training',
  Ensembling: 'Ensembling',
};

const isUnderway = ({ state }: StageStatus): boolean => state !== 'Succeeded' && state !== 'Failed';

/** Why it is where it is: the end's reason, the wish to suspend, else what holds the first stage back that says so, else the phase. */
function reasonOf(stages: Stages, conditions: readonly Condition[], phase: Reason): Reason {
  const decisive = conditions.find(
    ({ type, status }) => status === 'True' && (type === 'Failed' || type === 'Complete' || type === 'Suspended'),
  );
  if (decisive !== undefined) return decisive.reason;
  const held = entriesOf(stages).find(([, stage]) => isUnderway(stage) && stage.reason !== undefined);
  return held?.[1].reason ?? phase;
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
  const goesOn: ExperimentState = suspend ? 'Suspended' : (STATES[phase] ?? 'Pending');
  const finished = stages.folds.filter(({ state }) => state === 'Succeeded').length;
  return {
    state: end === undefined ? goesOn : ended,
    reason: reasonOf(stages, conditions, phase),
    foldsFinished: `${finished}/${stages.folds.length}`,
  };
}
