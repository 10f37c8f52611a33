/** Where a stage reports, and what its report says. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { ensembleKey, FILE, foldKey, prepareKey } from '@carpal/configs/names.ts';
import { parseJson } from '@carpal/configs/parse-json.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type StageProgress, stageProgressSchema } from '@carpal/configs/schema/progress.ts';
import type { StageKey } from '../experiment/stage.ts';
import { plausibleReport } from './plausible-report.ts';

/** The key of a stage's folder in the store. */
export function stageFolderKey(experiment: SegmentationExperiment, key: StageKey): string {
  if (key.stage === 'fold') return foldKey(experiment, key.fold ?? 0);
  return key.stage === 'prepare' ? prepareKey(experiment) : ensembleKey(experiment);
}

/** The key of a stage's progress.json. */
export function stageReportKey(experiment: SegmentationExperiment, key: StageKey): string {
  return `${stageFolderKey(experiment, key)}/${FILE.progress}`;
}

/** The report in a progress.json, without figures that cannot be; one that cannot be read is as good as none: nothing is decided by it. */
export function parseStageReport(content: Buffer | undefined): StageProgress | undefined {
  const report = content === undefined ? undefined : stageProgressSchema.safeParse(parseJson(content.toString('utf8'))).data;
  return report === undefined ? undefined : plausibleReport(report);
}

/** One stage's report as it is now. */
export async function readStageReport(
  store: ArtifactStore,
  experiment: SegmentationExperiment,
  key: StageKey,
): Promise<StageProgress | undefined> {
  return parseStageReport(await store.readIfPresent(stageReportKey(experiment, key)));
}
