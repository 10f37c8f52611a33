import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calibrationText } from '@carpal/artifacts/figures.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { thresholdSumsText } from '@carpal/artifacts/thresholds.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import type { PreparedSample, PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { writeSubmission } from '@carpal/report/scoring/submission-writer.ts';
import type { Batch } from '../data/batches.ts';
import { imageLogits, type Voter } from '../infer/image-logits.ts';
import { preparedSquare } from '../infer/image-squares.ts';
import type { Pause } from '../infer/pause.ts';
import { candidateThresholds, ThresholdTally } from '../infer/thresholds.ts';
import { squareSizeOf, type Viewing } from '../infer/views.ts';
import { thresholdMask } from '../infer/vote.ts';
import { CalibrationCounter } from './calibration-counts.ts';
import type { TruthMasks } from './truth.ts';
import { plainBatches, type ValidationSource } from './validate.ts';

/** Masks of images that the fold's network has not been trained on. */
export type OutOfFold = {
  readonly source: ValidationSource;
  readonly classNames: readonly string[];
  readonly prepared: PreparedSet;
  readonly network: Voter;
  readonly truth: TruthMasks;
  /** As in the ensemble: thresholds are fitted to what they will cut. */
  readonly viewing: Viewing;
  /** Threshold of the masks written. */
  readonly threshold: number;
  /** After each run of the network. */
  readonly pause: Pause;
  /** Told after each image how many are done. */
  readonly imageDone?: (done: number) => Promise<void>;
};

/**
 * Predicts the fold's own images with its best weights: predictions.csv in the submission's form, and thresholds.json with what each
 * threshold and cleaning would give each class, both at the original size, and calibration.json, counted at training size. Throws what
 * the pause throws, with nothing written.
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
        const cut = (classIndex: number, at: number): RleMask => thresholdMask(logits, sample, source.classes, classIndex, at);
        const masks = truths.map((mask, classIndex) => {
          const cuts = tally.thresholds.map((at) => cut(classIndex, at));
          for (const [place, found] of cuts.entries()) tally.add(classIndex, place, found, mask);
          return cuts[tally.thresholds.indexOf(threshold)] ?? cut(classIndex, threshold);
        });
        tally.countImage();
        yield { imageName: sample.imageName, masks };
      }
    }
  } finally {
    await batches.close();
  }
}

/** The coverage of one image's masks: a view, not a copy. */
function coverageAt(targets: Uint8Array, index: number, { size, classes }: ValidationSource): Uint8Array {
  const length = size * size * classes;
  return targets.subarray(index * length, (index + 1) * length);
}

/** The sample at a place of a batch. */
function sampleAt(batch: Batch, index: number): PreparedSample {
  const sample = batch.samples[index];
  if (!sample) throw new RangeError(`a batch of ${batch.samples.length} has no image ${index}`);
  return sample;
}
