/** The status of an experiment, from the decided stages and what was observed. */

import { ensembleKey, experimentKey, FILE } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { conditionsOf } from './conditions.ts';
import type { Observed } from './observed.ts';
import { phaseOf, summaryOf } from './phase.ts';
import { meanBestDice, progressPercent, remainingTrainingSeconds } from './progress.ts';
import { hasBegun, type Stages } from './stages.ts';

/** A longer estimate (10 years) is not shown. */
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
