/** What the stages of an experiment warn of, for its report. */
import { type ProgressWriter, readStageProgress } from '@carpal/artifacts/progress.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ReportData } from '@carpal/report/html/report-data.ts';

/** The warnings of prepare and of the folds, from their reports, then those of the ensemble, which still runs. */
export async function stageWarnings(
  experiment: SegmentationExperiment,
  store: ArtifactStore,
  ensemble: Pick<ProgressWriter, 'warnings'>,
): Promise<ReportData['warnings']> {
  const folds = experiment.spec.run.folds.map((fold): StageKey => ({ stage: 'fold', fold }));
  const warnings: { stage: string; message: string }[] = [];
  const add = (stage: string, messages: readonly string[] = []): void => {
    warnings.push(...messages.map((message) => ({ stage, message })));
  };
  for (const key of [{ stage: 'prepare' } as StageKey, ...folds]) {
    const report = await readStageProgress(store, experiment, key);
    add(key.fold === undefined ? key.stage : `${key.stage} ${key.fold}`, report?.warnings);
  }
  add('ensemble', ensemble.warnings);
  return warnings;
}
