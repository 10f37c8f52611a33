/** Progress reports from the artifact store. A report that cannot be read is as good as none: nothing is decided by it. */

import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { ensembleKey, FILE, foldKey, prepareKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import {
  type EpochMetrics,
  epochMetricsSchema,
  type StageError,
  type StageProgress,
  stageProgressSchema,
} from '@carpal/configs/schema/progress.ts';
import type { ObservedProgress } from '../experiment/observed.ts';
import type { StageKey } from '../experiment/stage.ts';
import { foldsOf } from '../experiment/stages.ts';

/** Where a stage reports. */
export function stageFolderKey(experiment: SegmentationExperiment, key: StageKey): string {
  if (key.stage === 'fold') return foldKey(experiment, key.fold ?? 0);
  return key.stage === 'prepare' ? prepareKey(experiment) : ensembleKey(experiment);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** One stage's report. */
export async function readStageProgress(
  store: ArtifactStore,
  experiment: SegmentationExperiment,
  key: StageKey,
): Promise<StageProgress | undefined> {
  const content = await store.readIfPresent(`${stageFolderKey(experiment, key)}/${FILE.progress}`);
  if (content === undefined) return undefined;
  return stageProgressSchema.safeParse(parseJson(content.toString('utf8'))).data;
}

/** All stages' reports. */
export async function readProgress(store: ArtifactStore, experiment: SegmentationExperiment): Promise<ObservedProgress> {
  const read = (key: StageKey): Promise<StageProgress | undefined> => readStageProgress(store, experiment, key);
  const indices = foldsOf(experiment);
  const [prepare, ensemble, ...reports] = await Promise.all([
    read({ stage: 'prepare' }),
    read({ stage: 'ensemble' }),
    ...indices.map((fold) => read({ stage: 'fold', fold })),
  ]);
  const folds = new Map<number, StageProgress>();
  for (const [place, report] of reports.entries()) {
    const index = indices[place];
    if (report !== undefined && index !== undefined) folds.set(index, report);
  }
  return { folds, ...(prepare === undefined ? {} : { prepare }), ...(ensemble === undefined ? {} : { ensemble }) };
}

/** The epochs that a fold has finished, in order. */
export async function readMetrics(
  store: ArtifactStore,
  experiment: SegmentationExperiment,
  fold: number,
): Promise<readonly EpochMetrics[]> {
  const content = await store.readIfPresent(`${foldKey(experiment, fold)}/${FILE.metrics}`);
  const lines = content?.toString('utf8').split('\n') ?? [];
  return lines.flatMap((line) => epochMetricsSchema.safeParse(parseJson(line)).data ?? []);
}

/** The error that a stage wrote into its report at or after `since`. */
export async function readReportedError(
  store: ArtifactStore,
  experiment: SegmentationExperiment,
  key: StageKey,
  since: Date,
): Promise<StageError | undefined> {
  const report = await readStageProgress(store, experiment, key);
  return report?.error === undefined || Date.parse(report.updatedAt) < since.getTime() ? undefined : report.error;
}
