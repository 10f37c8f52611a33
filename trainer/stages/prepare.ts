import { ProgressWriter } from '@carpal/artifacts/progress.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { loadClasses } from '@carpal/configs/classes.ts';
import { preparedKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { sheetSizeOf } from '@carpal/configs/schema/options.ts';
import { openDataset } from '@carpal/report/dataset/open-dataset.ts';
import type { PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { checkDataset } from '../data/check-dataset.ts';
import { type PrepareProgress, prepareDataset } from '../data/prepare.ts';
import { preparedNoteKey } from './find-prepared.ts';

export type PrepareStage = {
  readonly experiment: SegmentationExperiment;
  readonly store: ArtifactStore;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (
    progress: PrepareProgress & { readonly imagesPerSecond: number | null; readonly etaSeconds: number | null },
  ) => void;
};

/**
 * The prepare stage: makes the experiment's prepared set, or finds it made, and notes it for the stages behind ({@link findPrepared}).
 * progress.json under the stage's key tells how far it is, and how it ended. What one can know without decoding, such as fewer people
 * than folds (`folds-exceed-people`), is thrown first; otherwise throws as {@link prepareDataset} does.
 */
export async function runPrepare(stage: PrepareStage): Promise<PreparedSet> {
  const { experiment, store, clock, signal, onProgress } = stage;
  const progress = new ProgressWriter({ store, experiment, stage: { stage: 'prepare' }, clock });
  try {
    const { dataset, input, inference } = experiment.spec;
    await progress.write({ state: 'running' });
    const folder = await openDataset(dataset.uri);
    await checkDataset(folder, dataset.split);
    let startMs: number | undefined;
    const prepared = await prepareDataset({
      folder,
      size: input.size,
      sheetSize: inference.window && sheetSizeOf(inference.window),
      classes: loadClasses(dataset.classes),
      store,
      ...(signal ? { signal } : {}),
      onProgress: (made) => {
        // From the first image on: what is read before, to know whether the set is there, is not preparing.
        startMs ??= clock();
        const pace = paceOf(made, (clock() - startMs) / 1000);
        onProgress?.({ ...made, ...pace });
        progress.updateInBackground({ state: 'running', done: made.done, total: made.total, ...pace });
      },
    });
    const { hash, samples } = prepared;
    await store.write(preparedNoteKey(experiment), `${JSON.stringify({ hash, key: preparedKey(hash), images: samples.length })}\n`);
    await progress.write({ state: 'finished', done: samples.length, total: samples.length, etaSeconds: 0 });
    return prepared;
  } catch (error) {
    await progress.fail(error);
    throw error;
  }
}

function paceOf({ done, total, reused }: PrepareProgress, seconds: number): { imagesPerSecond: number | null; etaSeconds: number | null } {
  const made = done - reused;
  if (made <= 0 || seconds <= 0) return { imagesPerSecond: null, etaSeconds: null };
  return { imagesPerSecond: made / seconds, etaSeconds: ((total - done) * seconds) / made };
}
