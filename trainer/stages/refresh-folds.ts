/** What the ensemble stage does first if inference has changed since a fold predicted its images. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { openDataset } from '@carpal/report/dataset/open-dataset.ts';
import type { PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { prepareDataset } from '../data/prepare.ts';
import { detailSizeOf, viewingOf } from '../infer/views.ts';
import { splitFold } from '../train/fold-training.ts';
import { isPredictedWith, writeOutOfFold } from '../train/out-of-fold.ts';
import type { EnsembleStage, EnsembleWork } from './ensemble-work.ts';

/**
 * The prepared set with the larger images that views are rendered from. Prepares the data set again if it lacks them, because inference.tta
 * had only mirrors when it was prepared. The folds keep their own set, on which their checkpoints depend. Throws `prepared-invalid` if the
 * data set has changed since, and what {@link prepareDataset} throws.
 */
export async function withDetailImages(stage: EnsembleStage, prepared: PreparedSet, advanced: () => void): Promise<PreparedSet> {
  const { experiment, store, signal } = stage;
  const { dataset } = experiment.spec;
  const detailSize = detailSizeOf(viewingOf(experiment.spec), prepared.size);
  if (detailSize === undefined || detailSize === prepared.detailSize) return prepared;
  return prepareDataset({
    folder: await openDataset(dataset.uri, advanced),
    size: prepared.size,
    normalize: prepared.normalize,
    detailSize,
    classes: prepared.classes,
    store,
    namespace: experiment.metadata.namespace,
    sameImagesAs: prepared,
    ...(signal ? { signal } : {}),
    onRead: advanced,
    onProgress: advanced,
  });
}

/** The folds whose images were not predicted with the inference of the manifest. */
export async function staleFolds(experiment: SegmentationExperiment, store: ArtifactStore): Promise<number[]> {
  const { inference, run } = experiment.spec;
  const current = { viewing: viewingOf(experiment.spec), threshold: inference.threshold };
  const stale: number[] = [];
  for (const fold of run.folds) if (!(await isPredictedWith(store, foldKey(experiment, fold), current))) stale.push(fold);
  return stale;
}

/**
 * Predicts the images of these folds again, with the best weights of each, so that the folds' files are those of a fold that was trained with
 * this inference from the start. A fold counts as stale until its files are complete.
 */
export async function refreshFolds(
  { experiment, store, prepared, networks, ...work }: EnsembleWork,
  folds: readonly number[],
): Promise<void> {
  const { spec } = experiment;
  for (const fold of folds) {
    const network = networks[spec.run.folds.indexOf(fold)];
    if (network === undefined) throw new RangeError(`fold ${fold} has no network`);
    const { validation } = splitFold(prepared, spec.dataset.split, fold);
    const request = {
      samples: validation,
      prepared,
      network,
      viewing: viewingOf(spec),
      threshold: spec.inference.threshold,
      pause: work.pause,
      imageDone: work.imageDone,
    };
    await writeOutOfFold(request, store, foldKey(experiment, fold));
  }
}

/** The number of images that these folds predict. */
export function countFoldImages({ spec }: SegmentationExperiment, prepared: PreparedSet, folds: readonly number[]): number {
  return folds.reduce((images, fold) => images + splitFold(prepared, spec.dataset.split, fold).validation.length, 0);
}
