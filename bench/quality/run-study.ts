import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { experimentKey } from '@carpal/configs/names.ts';
import type { PhantomParameters } from '@carpal/trainer/phantom/phantom-set.ts';
import { synthesizeDataset } from '@carpal/trainer/phantom/synthesize.ts';
import { type CachedFigure, ceilingKey, type FigureCache, foldFigureKey, overlapKey, phantomsKey, readingKey } from './figure-cache.ts';
import type { ReadingFigure } from './reading-figure.ts';
import type { Study, Training } from './study.ts';
import { experimentOf, type FoldFigure, runTrainingProcess } from './training.ts';
import { type CeilingFigure, measureCeilings, measureOverlap, type OverlapFigure, trueTestMasks, trueTrainingMasks } from './truth.ts';

/** The figures of a study that are measured so far. */
export type StudyFigures = {
  readonly ceilings: readonly CachedFigure<CeilingFigure>[];
  readonly overlap?: CachedFigure<OverlapFigure>;
  /** By the id of the training: the figure of its fold 0. */
  readonly folds: Readonly<Record<string, CachedFigure<FoldFigure>>>;
  /** By the id of the reading. */
  readonly readings: Readonly<Record<string, CachedFigure<ReadingFigure>>>;
};

export type StudyPlace = {
  /** The folder with the data sets and the checkpoints of the current training. It can be deleted after the run. */
  readonly folder: string;
  readonly cache: FigureCache;
  readonly classes: readonly string[];
  readonly onProgress: (text: string) => void;
};

/**
 * Measures what the cache does not hold, one figure after the other, and calls `report` with all figures after each. An interrupted run
 * continues: figures are cached, and a training has a checkpoint.
 */
export async function runStudy(
  study: Study,
  place: StudyPlace,
  report: (figures: StudyFigures) => void | Promise<void> = () => undefined,
): Promise<StudyFigures> {
  let figures: StudyFigures = { ceilings: [], folds: {}, readings: {} };
  const found = async (more: Partial<StudyFigures>): Promise<void> => {
    figures = { ...figures, ...more };
    await report(figures);
  };
  await measureTruth(study, place, () => figures, found);
  for (const training of study.trainings) {
    place.onProgress(`${training.id}: ${training.folds.length} ${training.folds.length === 1 ? 'fold' : 'folds'}`);
    await runTraining(study, training, place, async () => found(await cachedOf(study, training, place.cache, figures)));
  }
  return figures;
}

async function measureTruth(
  study: Study,
  { folder, cache, classes, onProgress }: StudyPlace,
  soFar: () => StudyFigures,
  found: (more: Partial<StudyFigures>) => Promise<void>,
): Promise<void> {
  for (const plan of study.ceilings) {
    const { size } = plan.phantoms;
    onProgress(`ceilings of ${plan.sizes.join(', ')} px on images of ${size} px`);
    const ceiling = await cache.once(ceilingKey(plan), async () => {
      const images = trueTrainingMasks(await phantomsIn(folder, plan.phantoms), classes, size);
      return measureCeilings(images, size, plan.sizes, () => onProgress('  an image is done'));
    });
    await found({ ceilings: [...soFar().ceilings, ceiling] });
  }
  onProgress('overlap of bones');
  const { phantoms } = study;
  const overlap = await cache.once(overlapKey(study), async () =>
    measureOverlap(trueTestMasks(await phantomsIn(folder, phantoms), classes, phantoms.size)),
  );
  await found({ overlap });
}

/** The folder of a phantom set, which is made on the first call. */
export async function phantomsIn(folder: string, parameters: PhantomParameters): Promise<string> {
  const path = join(folder, phantomsKey(parameters));
  await synthesizeDataset({ folder: path, ...parameters });
  return path;
}

/** Trains and reads what is not cached. Calls `onFigure` after each figure, and at least once. Then removes the training's artifacts. */
export async function runTraining(
  study: Study,
  training: Training,
  place: StudyPlace,
  onFigure: () => Promise<void> = async () => undefined,
): Promise<void> {
  const { folder, cache } = place;
  await onFigure();
  const readings = [];
  for (const reading of study.readings.filter((one) => one.training === training.id)) {
    const key = readingKey(study, reading);
    if (!(await cache.find(key))) readings.push({ ...reading, key });
  }
  if (readings.length === 0 && (await cache.find(foldFigureKey(study, training, training.folds[0] ?? 0)))) return;
  const dataset = await phantomsIn(folder, study.phantoms);
  const experiment = experimentOf(study, training, dataset);
  const store = join(folder, 'store');
  await runTrainingProcess({ experiment, store, folds: training.folds, dataset, readings }, async (reported) => {
    if (reported.type === 'reading') await cache.store(reported.key, reported.figure);
    // A process that continues from a checkpoint reports nothing new about a fold that was finished before.
    else await cache.once(foldFigureKey(study, training, reported.fold), () => reported.figure);
    await onFigure();
  });
  await openStore(store).remove(experimentKey(experiment));
}

/** The fold and reading figures, with the cached ones of the training added. */
async function cachedOf(study: Study, training: Training, cache: FigureCache, figures: StudyFigures): Promise<Partial<StudyFigures>> {
  const [first = 0] = training.folds;
  const fold = await cache.find<FoldFigure>(foldFigureKey(study, training, first));
  const readings: Record<string, CachedFigure<ReadingFigure>> = { ...figures.readings };
  for (const reading of study.readings.filter((one) => one.training === training.id)) {
    const figure = await cache.find<ReadingFigure>(readingKey(study, reading));
    if (figure) readings[reading.id] = figure;
  }
  return { folds: fold ? { ...figures.folds, [training.id]: fold } : figures.folds, readings };
}
