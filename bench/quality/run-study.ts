import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { experimentKey } from '@carpal/configs/names.ts';
import type { PhantomParameters } from '@carpal/trainer/phantom/phantom-set.ts';
import { synthesizeDataset } from '@carpal/trainer/phantom/synthesize.ts';
import type { Kept, KeptFigures } from './figure-cache.ts';
import { type CeilingFigure, measureCeilings, measureOverlap, type OverlapFigure } from './truth.ts';
import type { ReadingFigure } from './reading-figure.ts';
import type { Study, Training } from './study.ts';
import { experimentOf } from './study-experiment.ts';
import { ceilingKey, foldFigureKey, overlapKey, phantomsKey, readingKey } from './study-keys.ts';
import { inOwnProcess } from './training-process.ts';
import type { FoldFigure } from './training-work.ts';
import { trueTestSheets, trueTrainingSheets } from './true-sheets.ts';

/** What has been measured of a study so far. */
export type StudyFigures = {
  readonly ceilings: readonly Kept<CeilingFigure>[];
  readonly overlap?: Kept<OverlapFigure>;
  /** By the training's id: what its fold 0 took. */
  readonly folds: Readonly<Record<string, Kept<FoldFigure>>>;
  /** By the reading's id. */
  readonly readings: Readonly<Record<string, Kept<ReadingFigure>>>;
};

export type StudyPlace = {
  /** Data sets, checkpoints of the training under way; may be thrown away after. */
  readonly folder: string;
  readonly kept: KeptFigures;
  readonly classes: readonly string[];
  readonly onProgress: (text: string) => void;
};

/**
 * Measures what is not kept yet, one thing after the other, and reports all figures after each. A run that was broken off goes on: figures
 * are kept, and a training has its checkpoint.
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
    await runTraining(study, training, place, async () => found(await keptOf(study, training, place.kept, figures)));
  }
  return figures;
}

async function measureTruth(
  study: Study,
  { folder, kept, classes, onProgress }: StudyPlace,
  soFar: () => StudyFigures,
  found: (more: Partial<StudyFigures>) => Promise<void>,
): Promise<void> {
  for (const plan of study.ceilings) {
    onProgress(`ceilings of ${plan.sizes.join(', ')} px on sheets of ${plan.phantoms.size} px`);
    const ceiling = await kept.once(ceilingKey(plan), async () => {
      const sheets = trueTrainingSheets(await phantomsIn(folder, plan.phantoms), classes, plan.phantoms.size);
      return measureCeilings(sheets, plan.phantoms.size, plan.sizes, () => onProgress('  a sheet is done'));
    });
    await found({ ceilings: [...soFar().ceilings, ceiling] });
  }
  onProgress('overlap of bones');
  const { phantoms } = study;
  const overlap = await kept.once(overlapKey(study), async () =>
    measureOverlap(trueTestSheets(await phantomsIn(folder, phantoms), classes, phantoms.size)),
  );
  await found({ overlap });
}

/** The folder of a phantom set, made on the first call. */
async function phantomsIn(folder: string, parameters: PhantomParameters): Promise<string> {
  const path = join(folder, phantomsKey(parameters));
  await synthesizeDataset({ folder: path, ...parameters });
  return path;
}

/** Trains and reads what is not kept; `onFigure` after each figure, and once at least. What the training left in the store goes at its end. */
async function runTraining(study: Study, training: Training, place: StudyPlace, onFigure: () => Promise<void>): Promise<void> {
  const { folder, kept } = place;
  await onFigure();
  const wanted = study.readings.filter((reading) => reading.training === training.id);
  const readings = [];
  for (const reading of wanted) {
    const key = readingKey(study, reading);
    if (!(await kept.find(key))) readings.push({ ...reading, key });
  }
  if (readings.length === 0 && (await kept.find(foldFigureKey(study, training, training.folds[0] ?? 0)))) return;
  const dataset = await phantomsIn(folder, study.phantoms);
  const experiment = experimentOf(study, training, dataset);
  const store = join(folder, 'store');
  await inOwnProcess({ experiment, store, folds: training.folds, dataset, readings }, async (told) => {
    if (told.type === 'reading') await kept.keep(told.key, told.figure);
    // A process that goes on from a checkpoint tells nothing new of a fold that was finished before.
    else await kept.once(foldFigureKey(study, training, told.fold), () => told.figure);
    await onFigure();
  });
  await openStore(store).remove(experimentKey(experiment));
}

/** The figures with those of the training that are kept. */
async function keptOf(study: Study, training: Training, kept: KeptFigures, figures: StudyFigures): Promise<Partial<StudyFigures>> {
  const [first = 0] = training.folds;
  const fold = await kept.find<FoldFigure>(foldFigureKey(study, training, first));
  const readings: Record<string, Kept<ReadingFigure>> = { ...figures.readings };
  for (const reading of study.readings.filter((one) => one.training === training.id)) {
    const figure = await kept.find<ReadingFigure>(readingKey(study, reading));
    if (figure) readings[reading.id] = figure;
  }
  return { folds: fold ? { ...figures.folds, [training.id]: fold } : figures.folds, readings };
}
