import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { discoverDataset } from '@carpal/report/dataset/discover.ts';
import { scoreSubmission } from '@carpal/report/scoring/score-submission.ts';
import { assignFolds } from '@carpal/trainer/data/folds.ts';
import { type Baselines, openBaselines } from '../../baseline/python.ts';
import { type CachedFigure, contentKey, foldFigureKey, readingKey, trainingOf } from '../figure-cache.ts';
import { type ReadingFigure, readingFigure } from '../reading-figure.ts';
import { phantomsIn, runTraining, type StudyPlace } from '../run-study.ts';
import type { Study } from '../study.ts';
import { experimentOf, type FoldFigure } from '../training.ts';
import { type Contest, matchesOf, studyOfContest } from './plan.ts';

/** What one side reached in a match. */
export type SideFigure = Pick<ReadingFigure, 'dice' | 'perClass'> & {
  readonly parameters: number;
  /** Of training and validation. */
  readonly seconds: number;
};

/** Both sides of the matches that are measured so far, by the id of the match. */
export type ContestFigures = Readonly<
  Record<string, { readonly ours: CachedFigure<SideFigure>; readonly baseline: CachedFigure<SideFigure> }>
>;

/**
 * Measures the matches that the cache does not hold, one after the other, and calls `report` with all figures after each. One scorer reads
 * the submissions of both sides. An interrupted run continues.
 */
export async function runContest(
  contest: Contest,
  place: StudyPlace & { readonly pythonCache: string },
  report: (figures: ContestFigures) => Promise<void> = async () => undefined,
): Promise<ContestFigures> {
  const study = studyOfContest(contest);
  const dataset = await phantomsIn(place.folder, contest.phantoms);
  let baselines: Baselines | undefined;
  let figures: ContestFigures = {};
  for (const { id } of matchesOf(contest)) {
    place.onProgress(id);
    const ours = await oursOf(study, id, place);
    const experiment = experimentOf(study, trainingOf(study, id), dataset);
    const baseline = await place.cache.once(baselineKey(contest, experiment), () => {
      baselines ??= openBaselines(place.pythonCache);
      return trainBaseline(baselines, contest, experiment, place);
    });
    figures = { ...figures, [id]: { ours, baseline } };
    await report(figures);
  }
  return figures;
}

async function oursOf(study: Study, id: string, place: StudyPlace): Promise<CachedFigure<SideFigure>> {
  const training = trainingOf(study, id);
  await runTraining(study, training, place);
  const fold = await place.cache.find<FoldFigure>(foldFigureKey(study, training, 0));
  const [own] = study.readings.filter((reading) => reading.id === id);
  const reading = own && (await place.cache.find<ReadingFigure>(readingKey(study, own)));
  if (!fold || !reading) throw new Error(`the training of ${id} reported no figures`);
  const { dice, perClass } = reading.figure;
  const { parameters, seconds } = fold.figure;
  return { ...reading, figure: { dice, perClass, parameters, seconds } };
}

/** A key of what the baseline trains: only the fields that it reads. */
function baselineKey(contest: Contest, { spec }: SegmentationExperiment): string {
  const { phantoms, folds, size, epochs, batchSize } = contest;
  return `baseline-${contentKey({ phantoms, folds, size, epochs, batchSize, model: spec.model, seed: spec.training.seed, recipe: recipeOf(spec) })}`;
}

/** The recipe as pytorch_train.py reads it. */
function recipeOf({ loss, optimizer: { learningRate, weightDecay }, scheduler }: SegmentationExperiment['spec']) {
  return { loss, learningRate, weightDecay, scheduler };
}

async function trainBaseline(
  baselines: Baselines,
  { phantoms, epochs }: Contest,
  { spec }: SegmentationExperiment,
  { folder, classes }: StudyPlace,
): Promise<SideFigure> {
  const { train, test } = await discoverDataset(spec.dataset.uri);
  const foldOf = assignFolds(train, spec.dataset.split);
  const pairs = (isMeant: (fold: number | undefined) => boolean) =>
    train.filter(({ group }) => isMeant(foldOf.get(group))).map(({ imagePath, annotationPath }) => [imagePath, annotationPath]);
  const submission = join(folder, 'baseline-submission.csv');
  const { model, input, training } = spec;
  const figure = await baselines.pytorch.train({
    ...{ network: model.name, options: model.options, recipe: recipeOf(spec) },
    ...{ classes, size: input.size, imageSize: phantoms.size, epochs, count: training.batchSize, seed: training.seed },
    ...{ training: pairs((fold) => fold !== 0), validation: pairs((fold) => fold === 0), test: test.map(({ imagePath }) => imagePath) },
    ...{ threads: availableParallelism(), out: submission },
  });
  // The data set contains the images, so this size is never used.
  const score = await scoreSubmission({ truth: spec.dataset.uri, submission, classes, size: { width: 1, height: 1 } });
  await rm(submission);
  const { dice, perClass } = readingFigure([score], () => '');
  return { dice, perClass, parameters: figure.parameters ?? 0, seconds: figure.seconds.reduce((sum, value) => sum + value, 0) };
}
