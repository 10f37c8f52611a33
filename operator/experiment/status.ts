/** Status as a function of the decided stages and what was observed. */

import type { ExperimentStatus } from '@carpal/configs/experiment-status.ts';
import { ensembleKey, experimentKey, FILE } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { conditionsOf, endOf } from './conditions.ts';
import type { Observed } from './observed.ts';
import { meanBestDice, progressPercent, remainingTrainingSeconds } from './progress.ts';
import { hasBegun, type Stages } from './stages.ts';
import { summaryOf } from './summary.ts';
import { isSuspended } from './suspend.ts';

/** An estimate beyond it is none. */
const LONGEST_S = 315_360_000;

/** Rounded up to whole minutes, so that a steady pace writes a steady status; undefined for an end that nobody will see. */
function completionTime(seconds: number, now: Date): string | undefined {
  if (!(seconds <= LONGEST_S)) return undefined;
  return new Date(Math.ceil((now.getTime() + seconds * 1000) / 60_000) * 60_000).toISOString().replace('.000Z', 'Z');
}

/** The status to write. */
export function statusOf(experiment: SegmentationExperiment, stages: Stages, observed: Observed, now: Date): ExperimentStatus {
  const { status: previous, progress } = observed;
  const suspend = isSuspended(experiment);
  const { generation } = experiment.metadata;
  const conditions = conditionsOf(stages, previous, { suspend, generation, now });
  const end = endOf(conditions);
  const bestDice = meanBestDice(stages);
  const remaining = end === undefined && !suspend ? remainingTrainingSeconds(stages, progress, experiment.spec.run.parallelism) : undefined;
  const endsAt = remaining === undefined ? undefined : completionTime(remaining, now);
  const key = experimentKey(experiment);
  const image = previous?.image ?? (hasBegun(stages) ? observed.image : undefined);
  const artifacts = observed.artifacts === undefined ? previous?.artifacts : `${observed.artifacts}/${key}`;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    conditions,
    ...summaryOf(stages, conditions, suspend),
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
