/** Progress reports from the artifact store. A report that cannot be read is as good as none: nothing is decided by it. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import { parseJson } from '@carpal/configs/parse-json.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type EpochMetrics, epochMetricsSchema, type StageProgress } from '@carpal/configs/schema/progress.ts';
import type { ObservedProgress } from '../experiment/observed.ts';
import type { StageKey } from '../experiment/stage.ts';
import { foldsOf } from '../experiment/stages.ts';
import { readStageReport } from './stage-report.ts';

/** All stages' reports. */
export async function readProgress(store: ArtifactStore, experiment: SegmentationExperiment): Promise<ObservedProgress> {
  const keys: StageKey[] = [
    { stage: 'prepare' },
    { stage: 'ensemble' },
    ...foldsOf(experiment).map((fold): StageKey => ({ stage: 'fold', fold })),
  ];
  const reports = await Promise.all(keys.map(async (key) => [key, await readStageReport(store, experiment, key)] as const));
  return observedProgress(reports);
}

/** Reports by stage in the form that the planner takes. */
export function observedProgress(reports: Iterable<readonly [StageKey, StageProgress | undefined]>): ObservedProgress {
  const folds = new Map<number, StageProgress>();
  const others: { prepare?: StageProgress; ensemble?: StageProgress } = {};
  for (const [{ stage, fold }, report] of reports) {
    if (report === undefined) continue;
    if (stage !== 'fold') others[stage] = report;
    else if (fold !== undefined) folds.set(fold, report);
  }
  return { folds, ...others };
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
