import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { calibrationText } from '@carpal/artifacts/figures.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { withTemporaryFolder } from '@carpal/artifacts/temporary-folder.ts';
import { thresholdSumsText } from '@carpal/artifacts/thresholds.ts';
import { withSortedKeys } from '@carpal/configs/json.ts';
import { FILE } from '@carpal/configs/names.ts';
import type { PreparedSample, PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { type SubmissionWriter, writeSubmission } from '@carpal/report/scoring/submission-writer.ts';
import { gridSize, imageLogits, type Voter } from '../infer/image-logits.ts';
import { preparedSquares } from '../infer/image-squares.ts';
import type { Pause } from '../infer/pause.ts';
import type { ClassScore } from '../infer/tried-thresholds.ts';
import { detailSizeOf, type Viewing } from '../infer/views.ts';
import type { ClassFigures } from './dead-classes.ts';
import { FigureSums, groupsOfPeople } from './figure-sums.ts';
import { ScoringThreads, scoringThreads } from './scoring-threads.ts';

/** A request for masks of images that the fold's network was not trained on. */
export type OutOfFold = {
  readonly samples: readonly PreparedSample[];
  readonly prepared: PreparedSet;
  readonly network: Voter;
  /** The same as in the ensemble, because the ensemble uses the thresholds that are chosen here. */
  readonly viewing: Viewing;
  /** Threshold of the written masks. */
  readonly threshold: number;
  /** Awaited after each run of the network. */
  readonly pause: Pause;
  /** Called after each image with the number of finished images. */
  readonly imageDone?: (done: number) => Promise<void>;
  /** Number of threads that score masks; 0 is the calling thread. The files do not depend on it. By default it fits the machine. */
  readonly threads?: number;
};

/**
 * Predicts the fold's own images and writes its files under the key of the fold: predictions.csv, a submission; thresholds.json, the Dice of
 * each candidate threshold and cleaning per class and group of people; calibration.json; and at last inference.json, which names the
 * inference that made them. All figures are counted at the size of the original images. Returns the figures of each class at the threshold
 * of the written masks. Throws what the pause throws, without changing any file.
 *
 * Masks are scored on other threads while the network processes the next image. Memory does not grow with the number of images.
 */
export async function writeOutOfFold(request: OutOfFold, store: ArtifactStore, key: string): Promise<ClassFigures[]> {
  return withTemporaryFolder('out-of-fold', async (folder) => {
    const path = join(folder, 'predictions.csv');
    const { prepared, samples, network, threshold } = request;
    const threads = new ScoringThreads(prepared, threshold, request.threads ?? scoringThreads(samples.length, gridSize([network])));
    const sums = new FigureSums(threads.tried, prepared.classes.length);
    try {
      await writeSubmission(path, (writer) => predictImages(request, threads, sums, writer));
    } finally {
      await threads.close();
    }
    // While the files are of two kinds of inference, none names them.
    await store.remove(`${key}/${FILE.outOfFoldInference}`);
    await store.write(`${key}/${FILE.outOfFoldPredictions}`, await readFile(path));
    await store.write(`${key}/${FILE.outOfFoldThresholds}`, thresholdSumsText(sums.thresholdSums()));
    await store.write(`${key}/${FILE.outOfFoldCalibration}`, calibrationText(sums.calibration()));
    await store.write(`${key}/${FILE.outOfFoldInference}`, inferenceText(request));
    return sums.perClass();
  });
}

/** What decides the out-of-fold files of a fold, apart from its weights. */
type Inference = Pick<OutOfFold, 'viewing' | 'threshold'>;

/** The form of the out-of-fold files. Files of another form are made again. */
const FILES_VERSION = 2;

const inferenceText = ({ viewing, threshold }: Inference): string =>
  `${JSON.stringify(withSortedKeys({ files: FILES_VERSION, threshold, viewing }))}\n`;

/**
 * Whether the out-of-fold files under the key of a fold were made with this inference, in the form of this version. Files of an earlier
 * version have another form or do not say with which inference they were made, so the answer for them is no.
 */
export async function isPredictedWith(store: ArtifactStore, key: string, inference: Inference): Promise<boolean> {
  const found = await store.readIfPresent(`${key}/${FILE.outOfFoldInference}`);
  return found?.toString('utf8') === inferenceText(inference);
}

async function predictImages(
  { samples, prepared, network, viewing, pause, imageDone }: OutOfFold,
  threads: ScoringThreads,
  sums: FigureSums,
  writer: SubmissionWriter,
): Promise<void> {
  const { classes } = prepared;
  const groups = groupsOfPeople(prepared.samples.filter(({ half }) => half === 'train').map(({ group }) => group));
  const underway: { readonly sample: PreparedSample; readonly scores: Promise<readonly ClassScore[]> }[] = [];
  let done = 0;
  // In the order of the images, because sums of floats depend on it.
  const finishOldest = async (): Promise<void> => {
    const oldest = underway.shift();
    if (!oldest) return;
    const { sample, scores } = oldest;
    const { imageName, group, width, height } = sample;
    const answers = await scores;
    sums.add(groups.get(group) ?? 0, answers);
    for (const [index, { mask }] of answers.entries()) await writer.write(imageName, classes[index] ?? '', { width, height, bounds: mask });
    await imageDone?.(++done);
  };
  for (const sample of samples) {
    const image = await preparedSquares(prepared, sample, detailSizeOf(viewing, prepared.size));
    const { logits, size } = await imageLogits([network], viewing, image, classes.length, pause);
    underway.push({ sample, ...(await threads.start(sample, logits, size, classes.length)) });
    while (underway.length > MOST_UNDERWAY) await finishOldest();
  }
  while (underway.length > 0) await finishOldest();
}

/** More images than threads, so that every thread has work while the oldest image is awaited. */
const MOST_UNDERWAY = 10;
