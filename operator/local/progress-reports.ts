/** The stages' progress reports in the artifact store of a work folder, and since when each has not changed. */
import { join } from 'node:path';
import { readStageProgress } from '@carpal/artifacts/progress.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { makeFolder } from '@carpal/artifacts/write-file.ts';
import { type StageKey, stageFolderKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { StageProgress } from '@carpal/configs/schema/progress.ts';
import { type Heartbeat, type ObservedProgress, observedProgress } from '../experiment/observed.ts';
import { foldsOf } from '../experiment/stages.ts';

/** Reports are read every 15 s. If the last read is older than this, the machine was asleep, and the stages with it. */
const ASLEEP_MS = 60_000;

type Seen = { readonly report: StageProgress | undefined; readonly changedMs: number; readonly readMs: number };

function stageKeys(experiment: SegmentationExperiment): readonly StageKey[] {
  const folds = foldsOf(experiment).map((fold): StageKey => ({ stage: 'fold', fold }));
  return [{ stage: 'prepare' }, ...folds, { stage: 'ensemble' }];
}

/** The folders of the stages' reports, created so that they can be watched. */
export async function reportFolders(store: ArtifactStore, experiment: SegmentationExperiment): Promise<readonly string[]> {
  const folders = stageKeys(experiment).map((key) => join(store.uri, stageFolderKey(experiment, key)));
  for (const folder of folders) await makeFolder(folder);
  return folders;
}

const iso = (ms: number): string => new Date(ms).toISOString();

/**
 * Returns a function that reads the reports of all stages. A stage without a report has a heartbeat too: a stage may hang before its first
 * report. A report that cannot be read now is the former one.
 */
export function createProgressReader(
  store: ArtifactStore,
  experiment: SegmentationExperiment,
  now: () => Date,
): () => Promise<ObservedProgress> {
  const keys = stageKeys(experiment);
  const seen = new Map<StageKey, Seen>();
  const read = async (key: StageKey): Promise<void> => {
    const before = seen.get(key);
    let report: StageProgress | undefined;
    try {
      report = await readStageProgress(store, experiment, key);
    } catch {
      // A report informs people. The next write to the store reports what is wrong with it.
      return;
    }
    const readMs = now().getTime();
    const isSame = before !== undefined && JSON.stringify(before.report) === JSON.stringify(report);
    seen.set(key, { report, readMs, changedMs: isSame ? before.changedMs + timeAsleep(before.readMs, readMs) : readMs });
  };
  return async () => {
    await Promise.all(keys.map(read));
    const entries = keys.map((key) => [key, seen.get(key)] as const);
    const heartbeats = entries.flatMap(([key, one]): Heartbeat[] =>
      one === undefined ? [] : [{ ...key, changedAt: iso(one.changedMs), readAt: iso(one.readMs) }],
    );
    return { ...observedProgress(entries.map(([key, one]) => [key, one?.report] as const)), heartbeats };
  };
}

const timeAsleep = (beforeMs: number, nowMs: number): number => (nowMs - beforeMs > ASLEEP_MS ? nowMs - beforeMs : 0);
