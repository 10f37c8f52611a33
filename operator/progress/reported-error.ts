import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { StageError } from '@carpal/configs/schema/progress.ts';
import type { StageKey } from '../experiment/stage.ts';
import { readStageReport } from './stage-report.ts';

/** The error that a stage wrote into its report at or after `since`: an older one is a former attempt's. */
export async function readReportedError(
  store: ArtifactStore,
  experiment: SegmentationExperiment,
  key: StageKey,
  since: Date,
): Promise<StageError | undefined> {
  const report = await readStageReport(store, experiment, key);
  return report?.error === undefined || Date.parse(report.updatedAt) < since.getTime() ? undefined : report.error;
}
