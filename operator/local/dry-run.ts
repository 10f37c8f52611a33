/** What a run would start, without starting, writing or locking anything. */
import { join } from 'node:path';
import { experimentRecordKey } from '@carpal/artifacts/experiment-record.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type ExperimentStatus, isTerminal } from '@carpal/configs/schema/status.ts';
import { reopening } from '../experiment/reopen.ts';
import { attemptName } from '../experiment/stage.ts';
import { entriesOf, foldsOf } from '../experiment/stages.ts';
import { foldsAtOnce } from './local-parallelism.ts';
import { artifactsFolder, stageCommand } from './run-experiment.ts';
import { findRun, readStatusFile, runFolder } from './run-folder.ts';

export type PlannedCommand = { readonly key: StageKey; readonly attempt: string; readonly command: readonly string[] };

/**
 * The attempts in order with their commands. Stages that would not run are omitted: finished ones, and failed ones
 * unless the manifest reopens them. `fresh`: the run starts over. Throws `manifest-immutable`
 * as a run would.
 */
export async function dryRun(
  experiment: SegmentationExperiment,
  { workFolder, program, fresh }: { readonly workFolder: string; readonly program: readonly string[]; readonly fresh: boolean },
): Promise<readonly PlannedCommand[]> {
  const folder = runFolder(workFolder, experiment);
  const found = fresh ? experiment : await findRun(folder, experiment);
  const status = fresh ? undefined : await readStatusFile(folder);
  const named = { metadata: { ...found.metadata, uid: found.metadata.uid ?? 'NEW-UID' } };
  const artifacts = artifactsFolder(workFolder);
  const file = join(artifacts, experimentRecordKey(named));
  return openStages(found, status).map(({ key, attempts }) => ({
    key,
    attempt: attemptName(found.metadata.name, key, attempts + 1),
    command: [process.execPath, ...stageCommand(program, file, artifacts, { ...key, attempt: attempts + 1 }, foldsAtOnce(found))],
  }));
}

function openStages(experiment: SegmentationExperiment, status: ExperimentStatus | undefined): { key: StageKey; attempts: number }[] {
  if (status !== undefined) {
    const change = reopening(experiment, status, []);
    const isReopened = change !== undefined && 'status' in change;
    if (isTerminal(status) && !isReopened) return [];
    const stages = entriesOf(isReopened ? change.status : status);
    return stages.flatMap(([key, { state, attempts }]) => (state === 'Succeeded' || state === 'Failed' ? [] : [{ key, attempts }]));
  }
  const folds = foldsOf(experiment).map((fold): StageKey => ({ stage: 'fold', fold }));
  return [{ stage: 'prepare' } as const, ...folds, { stage: 'ensemble' } as const].map((key) => ({ key, attempts: 0 }));
}
