/**
 * The stages' progress reports in the form that the planner takes. A report that cannot be read counts as missing: no decision depends on
 * one.
 */
import { readStageProgress } from '@carpal/artifacts/progress.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { StageProgress } from '@carpal/configs/schema/progress.ts';
import type { ObservedProgress } from './observed.ts';
import { foldsOf } from './stages.ts';

/** Reads the reports of all stages from the artifact store. */
export async function readProgress(store: ArtifactStore, experiment: SegmentationExperiment): Promise<ObservedProgress> {
  const folds = foldsOf(experiment).map((fold): StageKey => ({ stage: 'fold', fold }));
  const keys: StageKey[] = [{ stage: 'prepare' }, ...folds, { stage: 'ensemble' }];
  const reports = await Promise.all(keys.map(async (key) => [key, await readStageProgress(store, experiment, key)] as const));
  return observedProgress(reports);
}

/** Reports by stage. */
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
