import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calibrationText } from '@carpal/artifacts/figures.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { thresholdSumsText } from '@carpal/artifacts/thresholds.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE } from '@carpal/configs/names.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import type { PreparedSample, PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { writeSubmission } from '@carpal/report/scoring/submission-writer.ts';
import type { Batch } from '../data/batches.ts';
import { imageLogits, type Voter } from '../infer/image-logits.ts';
import { preparedSquare } from '../infer/image-squares.ts';
import { type Pause, pauseUntil } from '../infer/pause.ts';
import { candidateThresholds, ThresholdTally } from '../infer/thresholds.ts';
import { squareSizeOf, type Viewing, viewingOf } from '../infer/views.ts';
import { thresholdMask } from '../infer/vote.ts';
import type { Model } from '../models/model.ts';
import { writeWeights } from '../models/weights.ts';
import { createPredictor } from '../step/inference.ts';
import { CalibrationCounter } from './calibration-counts.ts';
import { type FoldTraining, stopped } from './fold-training.ts';
import { TruthMasks } from './image-dice.ts';
import { imageThroughput } from './throughput.ts';
import { plainBatches, type ValidationSource } from './validate.ts';

/**
 * Finishes a fold after its last epoch: writes its out-of-fold files with the best weights and marks the fold as finished. If it is
 * interrupted, it starts over. Throws `stopped-with-checkpoint` if the signal aborts, and `checkpoint-invalid` without best weights.
 */
export async function finishFold(training: FoldTraining, model: Model, validation: ValidationSource): Promise<void> {
  const { experiment, checkpoints, key, prepared, store } = training;
  const { record } = checkpoints;
  if (!record?.best)
    throw new CarpalError('checkpoint-invalid', 'the fold has no best checkpoint', { where: `${key}/${FILE.checkpointState}` });
  writeWeights(model, await checkpoints.readWeights(record.best), record.best.file);
  const predictor = createPredictor(model);
  try {
    const { input, inference } = experiment.spec;
    const request = {
      source: validation,
      classNames: prepared.classes,
      prepared,
      network: { predictor, inputSize: input.size, sizeMultiple: model.sizeMultiple },
      truth: new TruthMasks(prepared),
      viewing: viewingOf(inference),
      threshold: inference.threshold,
      pause: pauseUntil(training.signal, () => stopped(training, 'after its last epoch')),
      imageDone: await reportImages(training, validation.samples.length),
    };
    await writeOutOfFold(request, store, {
      csv: `${key}/${FILE.outOfFoldPredictions}`,
      thresholds: `${key}/${FILE.outOfFoldThresholds}`,
      calibration: `${key}/${FILE.outOfFoldCalibration}`,
    });
  } finally {
    predictor.dispose();
  }
  await checkpoints.finish(record);
}

/** Reports that no image is done yet, and returns the function that reports each further image. */
async function reportImages({ clock, progress }: FoldTraining, total: number): Promise<(done: number) => Promise<void>> {
  const startedMs = clock();
  await progress.write({ done: 0, total });
  return async (done) => {
    const { etaSeconds } = imageThroughput({ done, total, seconds: (clock() - startedMs) / 1000 });
    await progress.update({ done, etaSeconds });
  };
}

/** A request for masks of images that the fold's network was not trained on. */
export type OutOfFold = {
  readonly source: ValidationSource;
  readonly classNames: readonly string[];
  readonly prepared: PreparedSet;
  readonly network: Voter;
  readonly truth: TruthMasks;
  /** The same as in the ensemble, because the ensemble uses the thresholds that are chosen here. */
  readonly viewing: Viewing;
  /** Threshold of the written masks. */
  readonly threshold: number;
  /** Awaited after each run of the network. */
  readonly pause: Pause;
  /** Called after each image with the number of finished images. */
  readonly imageDone?: (done: number) => Promise<void>;
};

/**
 * Predicts the fold's own images and writes three files: predictions.csv, a submission; thresholds.json, the Dice of each candidate
 * threshold and cleaning per class, at the original image size; and calibration.json, counted at training size. Throws what the pause
 * throws, without writing any file.
 */
export async function writeOutOfFold(
  request: OutOfFold,
  store: ArtifactStore,
  keys: { csv: string; thresholds: string; calibration: string },
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'carpal-out-of-fold-'));
  try {
    const path = join(folder, 'predictions.csv');
    const { classNames } = request;
    const tally = new ThresholdTally(candidateThresholds(request.threshold), classNames.length);
    const calibration = new CalibrationCounter(classNames.length);
    let done = 0;
    await writeSubmission(path, async (writer) => {
      for await (const { imageName, masks } of predictedImages(request, tally, calibration)) {
        for (const [classIndex, mask] of masks.entries()) await writer.write(imageName, classNames[classIndex] ?? '', mask);
        await request.imageDone?.(++done);
      }
    });
    await store.write(keys.csv, await readFile(path));
    await store.write(keys.thresholds, thresholdSumsText(tally.result()));
    await store.write(keys.calibration, calibrationText(calibration.counts()));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type PredictedImage = { readonly imageName: string; readonly masks: readonly RleMask[] };

async function* predictedImages(
  { source, prepared, network, truth, viewing, threshold, pause }: OutOfFold,
  tally: ThresholdTally,
  calibration: CalibrationCounter,
): AsyncGenerator<PredictedImage> {
  const batches = plainBatches(source);
  try {
    for await (const batch of batches) {
      for (let i = 0; i < batch.samples.length; i++) {
        const sample = sampleAt(batch, i);
        const image = await preparedSquare(prepared, sample, squareSizeOf(viewing, network.inputSize));
        const logits = await imageLogits(network, viewing, image, source.classes, pause);
        calibration.add(logits, coverageAt(batch.targets, i, source), source.size);
        const truths = await truth.of(sample);
        const maskAt = (classIndex: number, at: number): RleMask => thresholdMask(logits, sample, source.classes, classIndex, at);
        const masks = truths.map((mask, classIndex) => {
          const candidates = tally.thresholds.map((at) => maskAt(classIndex, at));
          for (const [place, candidate] of candidates.entries()) tally.add(classIndex, place, candidate, mask);
          return candidates[tally.thresholds.indexOf(threshold)] ?? maskAt(classIndex, threshold);
        });
        tally.countImage();
        yield { imageName: sample.imageName, masks };
      }
    }
  } finally {
    await batches.close();
  }
}

/** The coverage of one image, `[size, size, classes]`. A view of the batch, not a copy. */
function coverageAt(targets: Uint8Array, index: number, { size, classes }: ValidationSource): Uint8Array {
  const length = size * size * classes;
  return targets.subarray(index * length, (index + 1) * length);
}

function sampleAt(batch: Batch, index: number): PreparedSample {
  const sample = batch.samples[index];
  if (!sample) throw new RangeError(`a batch of ${batch.samples.length} has no image ${index}`);
  return sample;
}
