/** The status of an experiment, from the decided stages and what was observed. */

import { ensembleKey, experimentKey, FILE, type Reason } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { Condition, ExperimentState, ExperimentStatus, StageStatus } from '@carpal/configs/schema/status.ts';
import { conditionsOf, type Phase, phaseOf } from './conditions.ts';
import type { Observed } from './observed.ts';
import { meanBestDice, progressPercent, remainingTrainingSeconds } from './progress.ts';
import { entriesOf, hasBegun, type Stages } from './stages.ts';

/** A longer estimate (more than 10 years) is not shown. */
const LONGEST_S = 315_360_000;

/** Rounded up to whole minutes, so that a steady throughput does not change the status; undefined if it is too far away. */
function completionTime(seconds: number, now: Date): string | undefined {
  if (!(seconds <= LONGEST_S)) return undefined;
  return new Date(Math.ceil((now.getTime() + seconds * 1000) / 60_000) * 60_000).toISOString().replace('.000Z', 'Z');
}

/** The status to write. */
export function statusOf(experiment: SegmentationExperiment, stages: Stages, observed: Observed, now: Date): ExperimentStatus {
  const { status: previous, progress } = observed;
  const { suspend } = experiment.spec.run;
  const { generation } = experiment.metadata;
  const phase = phaseOf(stages);
  const { end } = phase;
  const conditions = conditionsOf(stages, phase, previous, { suspend, generation, now });
  const bestDice = meanBestDice(stages);
  const remaining = end === undefined && !suspend ? remainingTrainingSeconds(stages, progress, experiment.spec.run.parallelism) : undefined;
  const endsAt = remaining === undefined ? undefined : completionTime(remaining, now);
  const key = experimentKey(experiment);
  const image = previous?.image ?? (hasBegun(stages) ? observed.image : undefined);
  const artifacts = observed.artifacts === undefined ? previous?.artifacts : `${observed.artifacts}/${key}`;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions,
    ...summaryOf(stages, phase, conditions, suspend),
    progress: `${progressPercent(stages, progress, end === 'complete')}%`,
    ...(bestDice === undefined ? {} : { bestDice: Math.round(bestDice * 1e4) / 1e4 }),
    ...(endsAt === undefined ? {} : { estimatedCompletionTime: endsAt }),
    ...(end === undefined ? {} : { finishedAt: previous?.finishedAt ?? now.toISOString() }),
    prepare: stages.prepare,
    folds: stages.folds,
    ensemble: stages.ensemble,
    ...(image === undefined ? {} : { image }),
    ...(artifacts === undefined ? {} : { artifacts }),
    ...(artifacts === undefined || end !== 'complete'
      ? {}
      : { submission: `${artifacts}${ensembleKey(experiment).slice(key.length)}/${FILE.submission}` }),
    announcements: previous?.announcements ?? [],
  };
}

/** The state that tables show for each phase of an experiment that has not ended. */
const STATES: Partial<Record<Reason, ExperimentState>> = {
  Preparing: 'Preparing',
  Queued: 'Queued',
  FoldsRunning: 'Training',
  Ensembling: 'Ensembling',
};

/** State, reason and finished folds, for people; scripts read the conditions. `conditions` are those of the same stages. */
function summaryOf(
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

/** The reason of the end or of the suspension; otherwise the reason of the first stage that has one; otherwise the reason of the phase. */
function summaryReason(stages: Stages, conditions: readonly Condition[], phase: Phase): Reason {
  const decisive = conditions.find(
    ({ type, status }) => status === 'True' && (type === 'Failed' || type === 'Complete' || type === 'Suspended'),
  );
  if (decisive !== undefined) return decisive.reason;
  const explained = entriesOf(stages).find(([, stage]) => isUnderway(stage) && stage.reason !== undefined);
  return explained?.[1].reason ?? (phase.isStuck ? 'StagePending' : phase.reason);
}
