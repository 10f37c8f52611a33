/** The status of an experiment, from the decided stages and what was observed. */

import { ensembleKey, experimentKey, FILE } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { Condition, ExperimentState, ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { conditionsOf, type Phase, phaseOf } from './conditions.ts';
import { gpuSecondsAfter } from './gpu-seconds.ts';
import type { Observed } from './observed.ts';
import { meanBestDice, progressPercent, remainingTrainingSeconds } from './progress.ts';
import { hasBegun, type Stages } from './stages.ts';

/** A longer estimate (more than 10 years) is not shown. */
const LONGEST_S = 315_360_000;

/**
 * Rounded up to whole minutes, so that a steady throughput does not change the status; undefined if it is too far away, or if the last
 * estimates have run out.
 */
function completionTime(seconds: number, now: Date): string | undefined {
  if (!(seconds > 0 && seconds <= LONGEST_S)) return undefined;
  return new Date(Math.ceil((now.getTime() + seconds * 1000) / 60_000) * 60_000).toISOString().replace('.000Z', 'Z');
}

/** The status to write, given stages whose times are settled (`settleTimes`). */
export function statusOf(experiment: SegmentationExperiment, stages: Stages, observed: Observed, now: Date): ExperimentStatus {
  const { status: previous, progress } = observed;
  const { suspend, onFoldFailure, parallelism } = experiment.spec.run;
  const { generation } = experiment.metadata;
  const phase = phaseOf(stages, onFoldFailure);
  const { end } = phase;
  const retry = Math.max(experiment.spec.run.retry, previous?.retry ?? 0);
  const conditions = conditionsOf(stages, phase, previous, { suspend, retry, generation, now });
  const bestDice = meanBestDice(stages);
  const remaining = end === undefined && !suspend ? remainingTrainingSeconds(stages, progress, parallelism, now) : undefined;
  const endsAt = remaining === undefined ? undefined : completionTime(remaining, now);
  const gpuSeconds = gpuSecondsAfter(experiment.spec.placement, previous, stages);
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
    ...(gpuSeconds === 0 ? {} : { gpuSeconds }),
    ...(retry === 0 ? {} : { retry }),
    ...(previous?.ensembleInputs === undefined ? {} : { ensembleInputs: previous.ensembleInputs }),
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

/** State, reason and finished folds, for people; scripts read the conditions. `conditions` are those of the same stages. */
function summaryOf(
  stages: Stages,
  phase: Phase,
  conditions: readonly Condition[],
  suspend: boolean,
): Pick<ExperimentStatus, 'state' | 'reason' | 'foldsFinished'> {
  const finished = stages.folds.filter(({ state }) => state === 'Succeeded').length;
  // The reason of the end or of the suspension, if there is one.
  const decisive = conditions.find(
    ({ type, status }) => status === 'True' && (type === 'Failed' || type === 'Complete' || type === 'Suspended'),
  );
  return {
    state: stateOf(stages, phase, suspend),
    reason: decisive?.reason ?? phase.reason,
    foldsFinished: `${finished}/${stages.folds.length}`,
  };
}

function stateOf({ prepare, folds }: Stages, { end, isStuck, isQueued }: Phase, suspend: boolean): ExperimentState {
  if (end !== undefined) return end === 'complete' ? 'Complete' : 'Failed';
  if (suspend) return 'Suspended';
  if (isStuck) return 'Pending';
  if (isQueued) return 'Queued';
  if (folds.every(({ state }) => state === 'Succeeded')) return 'Ensembling';
  if (prepare.state === 'Succeeded') return 'Training';
  return prepare.attempts > 0 ? 'Preparing' : 'Pending';
}
