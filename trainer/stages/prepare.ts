import { ProgressWriter } from '@carpal/artifacts/progress.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { loadClasses } from '@carpal/configs/classes.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { trainingScale } from '@carpal/configs/schema/options.ts';
import { openDataset } from '@carpal/report/dataset/open-dataset.ts';
import type { PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { checkDataset, checkPeople } from '../data/check-dataset.ts';
import { type PrepareProgress, prepareDataset } from '../data/prepare.ts';
import { untrainedViews } from '../infer/trained-views.ts';
import { detailSizeOf, viewingOf } from '../infer/views.ts';
import { checkEnsembleFits, placedEnsembleLimit } from '../memory/check-memory.ts';
import type { MemoryLimit } from '../memory/process-memory.ts';
import { notePrepared } from './prepared-note.ts';

export type PrepareStage = {
  readonly experiment: SegmentationExperiment;
  readonly store: ArtifactStore;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly signal?: AbortSignal;
  /** Memory that the ensemble stage may use. By default that of its placement. */
  readonly ensembleLimit?: MemoryLimit;
  readonly onProgress?: (
    progress: PrepareProgress & { readonly imagesPerSecond: number | null; readonly etaSeconds: number | null },
  ) => void;
};

/**
 * The prepare stage: creates the experiment's prepared set, or finds an existing one, and records its key for the later stages
 * (prepared-note.ts). Reports to progress.json. Errors that are known without decoding images, such as fewer people than folds
 * (`folds-exceed-people`), no table for a stratified split (`split-impossible`) or too little memory for the ensemble (`memory-too-small`), are thrown first. Otherwise throws the same errors as {@link prepareDataset}.
 */
export async function runPrepare(stage: PrepareStage): Promise<PreparedSet> {
  const { experiment, store, clock, signal, onProgress } = stage;
  const { ensembleLimit = placedEnsembleLimit(experiment.spec) } = stage;
  const progress = new ProgressWriter({ store, experiment, stage: { stage: 'prepare' }, clock });
  const removeListener = store.onTransfer(progress.beat);
  try {
    const { dataset, input } = experiment.spec;
    await progress.write({ state: 'running' });
    const classes = loadClasses(dataset.classes);
    checkEnsembleFits(experiment.spec, classes.length, ensembleLimit);
    const folder = await openDataset(dataset.uri, progress.beat);
    const warning = await checkPeople(await checkDataset(folder, dataset.split), dataset.split);
    if (warning !== undefined) progress.warn(warning);
    for (const untrained of untrainedViews(experiment.spec)) progress.warn(untrained);
    let startMs: number | undefined;
    const prepared = await prepareDataset({
      folder,
      size: trainingScale(input),
      normalize: input.normalize,
      detailSize: detailSizeOf(viewingOf(experiment.spec), trainingScale(input)),
      classes,
      store,
      namespace: experiment.metadata.namespace,
      ...(signal ? { signal } : {}),
      onRead: progress.beat,
      onProgress: (made) => {
        // The clock starts with the first image: reading the data set to find an existing prepared set does not count.
        startMs ??= clock();
        const throughput = throughputOf(made, (clock() - startMs) / 1000);
        onProgress?.({ ...made, ...throughput });
        progress.updateInBackground({ state: 'running', done: made.done, total: made.total, ...throughput });
      },
    });
    await notePrepared(experiment, store, prepared);
    const images = prepared.samples.length;
    await progress.write({ state: 'finished', done: images, total: images, etaSeconds: 0 });
    return prepared;
  } catch (error) {
    await progress.fail(error);
    throw error;
  } finally {
    removeListener();
  }
}

/**
 * Throughput and remaining time from the images that this run decoded. Images of an interrupted prepare stage are reused and do not count.
 */
function throughputOf(
  { done, total, reused }: PrepareProgress,
  seconds: number,
): { imagesPerSecond: number | null; etaSeconds: number | null } {
  const made = done - reused;
  if (made <= 0 || seconds <= 0) return { imagesPerSecond: null, etaSeconds: null };
  return { imagesPerSecond: made / seconds, etaSeconds: ((total - done) * seconds) / made };
}
