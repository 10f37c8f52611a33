import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { calibrationText } from '@carpal/artifacts/figures.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { withTemporaryFolder } from '@carpal/artifacts/temporary-folder.ts';
import { thresholdSumsText } from '@carpal/artifacts/thresholds.ts';
import { withSortedKeys } from '@carpal/configs/json.ts';
import { FILE } from '@carpal/configs/names.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import type { PreparedSample, PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { writeSubmission } from '@carpal/report/scoring/submission-writer.ts';
import type { Batch } from '../data/batches.ts';
import { imageLogits, type Voter } from '../infer/image-logits.ts';
import { preparedSquares } from '../infer/image-squares.ts';
import type { Pause } from '../infer/pause.ts';
import { candidateThresholds, ThresholdTally } from '../infer/thresholds.ts';
import { detailSizeOf, type Viewing } from '../infer/views.ts';
import { thresholdMask } from '../infer/vote.ts';
import { CalibrationCounter } from './calibration-counts.ts';
import type { TruthMasks } from './image-dice.ts';
import { plainBatches, type ValidationSource } from './validate.ts';

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
 * Predicts the fold's own images and writes its files under the key of the fold: predictions.csv, a submission; thresholds.json, the Dice of
 * each candidate threshold and cleaning per class, at the original image size; calibration.json, counted at training size; and at last
 * inference.json, which names the inference that made them. Throws what the pause throws, without changing any file.
 */
export async function writeOutOfFold(request: OutOfFold, store: ArtifactStore, key: string): Promise<void> {
  await withTemporaryFolder('out-of-fold', async (folder) => {
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
    // While the files are of two kinds of inference, none names them.
    await store.remove(`${key}/${FILE.outOfFoldInference}`);
    await store.write(`${key}/${FILE.outOfFoldPredictions}`, await readFile(path));
    await store.write(`${key}/${FILE.outOfFoldThresholds}`, thresholdSumsText(tally.result()));
    await store.write(`${key}/${FILE.outOfFoldCalibration}`, calibrationText(calibration.counts()));
    await store.write(`${key}/${FILE.outOfFoldInference}`, inferenceText(request));
  });
}

/** What decides the out-of-fold files of a fold, apart from its weights. */
type Inference = Pick<OutOfFold, 'viewing' | 'threshold'>;

const inferenceText = ({ viewing, threshold }: Inference): string => `${JSON.stringify(withSortedKeys({ threshold, viewing }))}\n`;

/**
 * Whether the out-of-fold files under the key of a fold were made with this inference. Files of version 0.1 and earlier do not say with
 * which inference they were made, so the answer for them is no.
 */
export async function isPredictedWith(store: ArtifactStore, key: string, inference: Inference): Promise<boolean> {
  const found = await store.readIfPresent(`${key}/${FILE.outOfFoldInference}`);
  return found?.toString('utf8') === inferenceText(inference);
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
        const image = await preparedSquares(prepared, sample, detailSizeOf(viewing, prepared.size));
        const logits = await imageLogits([network], viewing, image, source.classes, pause);
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
