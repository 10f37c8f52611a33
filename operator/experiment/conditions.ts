/** The conditions, named as on batch/v1 Job. `status` alone moves lastTransitionTime. */

import { type Condition, type ExperimentStatus, holdsPlace, isTrue, type StageStatus } from '@carpal/configs/experiment-status.ts';
import type { ConditionType, Reason } from '@carpal/configs/names.ts';
import { stageTitle } from './stage.ts';
import { entriesOf, placesTaken, type Stages } from './stages.ts';

type Verdict = { readonly status: Condition['status']; readonly reason: Reason; readonly message: string };

/** What the experiment is about at the moment, for the conditions that are False because it goes on. */
export function phaseOf(stages: Stages): Reason {
  const queued = entriesOf(stages).some(([, stage]) => stage.state === 'Queued');
  if (queued && !entriesOf(stages).some(([, stage]) => stage.state === 'Running')) return 'Queued';
  if (stages.ensemble.state === 'Succeeded') return 'ExperimentComplete';
  if (stages.folds.every((fold) => fold.state === 'Succeeded')) return 'Ensembling';
  if (stages.prepare.state === 'Succeeded') return 'FoldsRunning';
  return stages.prepare.attempts > 0 ? 'Preparing' : 'Pending';
}

/** The failure that ended the experiment: the first failed stage, in words. */
function failureOf(stages: Stages): Verdict | undefined {
  for (const [key, stage] of entriesOf(stages)) {
    if (stage.state !== 'Failed') continue;
    return { status: 'True', reason: stage.reason ?? 'StageFailed', message: `${stageTitle(key)} ${describe(stage.message)}` };
  }
  return undefined;
}

const describe = (message: string | undefined): string => (message?.startsWith('exit') ? `ended with ${message}` : (message ?? 'failed'));

/** How many folds wait with an attempt, and for what; '' where none has waited long enough to say so. */
function waitingWords({ folds }: Stages): string {
  const waits = ({ state, heldSince }: StageStatus): boolean => state === 'Pending' || state === 'Queued' || heldSince !== undefined;
  const waiting = folds.filter((fold) => waits(fold) && fold.message !== undefined);
  const [first] = waiting;
  return first === undefined ? '' : `, ${waiting.length} ${waiting.length === 1 ? 'waits' : 'wait'}: ${first.message}`;
}

function training(stages: Stages, phase: Reason): Verdict {
  const finished = stages.folds.filter((fold) => fold.state === 'Succeeded').length;
  const message = `${finished} of ${stages.folds.length} folds finished${waitingWords(stages)}`;
  if (placesTaken(stages) > 0) return { status: 'True', reason: 'FoldsRunning', message };
  if (finished === stages.folds.length) return { status: 'False', reason: 'FoldsFinished', message };
  return { status: 'False', reason: phase, message };
}

function suspended(previous: ExperimentStatus | undefined, suspend: boolean): Verdict {
  if (suspend) return { status: 'True', reason: 'SuspendedByUser', message: 'run.suspend is true' };
  const before = previous?.conditions.find((condition) => condition.type === 'Suspended');
  const resumed = before?.status === 'True' || before?.reason === 'Resumed';
  return { status: 'False', reason: resumed ? 'Resumed' : 'NotSuspended', message: 'run.suspend is false' };
}

/** All five conditions of stages that have been decided on. `suspend` has no say once the experiment has failed or is complete. */
export function conditionsOf(
  stages: Stages,
  previous: ExperimentStatus | undefined,
  options: { readonly suspend: boolean; readonly generation?: number | undefined; readonly now: Date },
): readonly Condition[] {
  const phase = phaseOf(stages);
  const failed = failureOf(stages);
  const complete = failed === undefined && stages.ensemble.state === 'Succeeded';
  // Why an experiment failed is said once, by Failed; the others name the reason.
  const goesOn: Verdict = { status: 'False', reason: failed?.reason ?? phase, message: '' };
  const verdicts: Record<ConditionType, Verdict> = {
    Prepared:
      stages.prepare.state === 'Succeeded'
        ? { status: 'True', reason: 'DatasetPrepared', message: 'the prepared data set is in the store' }
        : {
            ...goesOn,
            reason: failed?.reason ?? (stages.prepare.attempts > 0 ? 'Preparing' : 'Pending'),
            message: holdsPlace(stages.prepare) ? (stages.prepare.message ?? '') : '',
          },
    Training: failed === undefined ? training(stages, phase) : { ...training(stages, phase), status: 'False', reason: failed.reason },
    Suspended: suspended(previous, options.suspend && failed === undefined && !complete),
    Complete: complete ? { status: 'True', reason: 'ExperimentComplete', message: 'submission.csv is in the store' } : goesOn,
    Failed: failed ?? goesOn,
  };
  return Object.entries(verdicts).map(([type, verdict]) => {
    const before = previous?.conditions.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === verdict.status ? before.lastTransitionTime : options.now.toISOString();
    const generation = options.generation === undefined ? {} : { observedGeneration: options.generation };
    return { type: type as ConditionType, ...verdict, lastTransitionTime, ...generation };
  });
}

/** Whether the conditions say that the experiment has ended in failure or success. */
export function endOf(conditions: readonly Condition[]): 'complete' | 'failed' | undefined {
  const status = { conditions } as Pick<ExperimentStatus, 'conditions'> as ExperimentStatus;
  if (isTrue(status, 'Failed')) return 'failed';
  return isTrue(status, 'Complete') ? 'complete' : undefined;
}
