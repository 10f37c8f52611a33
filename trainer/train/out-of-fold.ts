import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { TtaName } from '@carpal/configs/schema/experiment.ts';
import { dice } from '@carpal/masks/dice.ts';
import { squareFit } from '@carpal/masks/fit.ts';
import type { Runs } from '@carpal/masks/runs.ts';
import type { Batch } from '../data/batches.ts';
import type { Predictor } from '../engine/step.ts';
import { writeSubmission } from '../infer/submission-writer.ts';
import { mirrored } from '../infer/tta.ts';
import { type LogitMap, logitsToRuns } from '../infer/upsample.ts';
import type { TruthMasks } from './truth.ts';
import { logitsAt, nextTurn, plainBatches, sampleAt, type ValidationSource } from './validate.ts';

/** The thresholds among which the ensemble chooses one for each class. */
export const OUT_OF_FOLD_THRESHOLDS = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7] as const;

/** out-of-fold/thresholds.json: sums over a fold's images, so that folds are put together by adding. */
export type ThresholdSums = {
  readonly thresholds: readonly number[];
  /** Sum of Dice over the images, [class][threshold]. */
  readonly perClassDiceSum: number[][];
  readonly images: number;
};

/** Masks of images that the fold's network has not been trained on. */
export type OutOfFold = {
  readonly source: ValidationSource;
  readonly classNames: readonly string[];
  readonly predictor: Predictor;
  readonly truth: TruthMasks;
  /** The views that are averaged, as the ensemble does: thresholds are fitted to what they will cut. */
  readonly views: readonly TtaName[];
  /** Threshold of the masks written. */
  readonly threshold: number;
  readonly signal: AbortSignal;
};

/**
 * Predicts the fold's own images with its best weights: predictions.csv in the submission's form, and thresholds.json with what each
 * threshold would give each class, both at the original size. False, and nothing written, when the signal broke it off.
 */
export async function writeOutOfFold(
  request: OutOfFold,
  store: ArtifactStore,
  keys: { csv: string; thresholds: string },
): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'carpal-out-of-fold-'));
  try {
    const path = join(folder, 'predictions.csv');
    const { classNames } = request;
    const perClassDiceSum = classNames.map(() => OUT_OF_FOLD_THRESHOLDS.map(() => 0));
    let images = 0;
    await writeSubmission(path, async (writer) => {
      for await (const { imageName, masks, dices } of predictedImages(request)) {
        for (const [classIndex, mask] of masks.entries()) await writer.write(imageName, classNames[classIndex] ?? '', mask);
        addTo(perClassDiceSum, dices);
        images += 1;
      }
    });
    if (request.signal.aborted) return false;
    await store.write(keys.csv, await readFile(path));
    const sums: ThresholdSums = { thresholds: OUT_OF_FOLD_THRESHOLDS, perClassDiceSum, images };
    await store.write(keys.thresholds, `${JSON.stringify(sums)}\n`);
    return true;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type PredictedImage = { readonly imageName: string; readonly masks: Runs[]; readonly dices: number[][] };

async function* predictedImages({ source, predictor, truth, views, threshold, signal }: OutOfFold): AsyncGenerator<PredictedImage> {
  const batches = plainBatches(source);
  try {
    for await (const batch of batches) {
      const answers = views.map((view) => ({ view, logits: predictor.run(viewOf(batch, view), batch.samples.length, source.size) }));
      for (let i = 0; i < batch.samples.length; i++) {
        await nextTurn();
        if (signal.aborted) return;
        const sample = sampleAt(batch, i);
        const image = { ...sample, fit: squareFit(sample.width, sample.height, source.size) };
        const maps: readonly LogitMap[] = answers.map(({ view, logits }) => ({
          logits: mirrored(logitsAt(logits, i, source), source.size, source.classes, view),
          weight: 1,
        }));
        const truths = await truth.of(sample);
        const cut = (classIndex: number, at: number): Runs => {
          const { fit, width, height } = image;
          return logitsToRuns({ maps, classIndex, classes: source.classes, fit, width, height, threshold: at });
        };
        yield {
          imageName: sample.imageName,
          masks: truths.map((_, classIndex) => cut(classIndex, threshold)),
          dices: truths.map((mask, classIndex) => OUT_OF_FOLD_THRESHOLDS.map((at) => dice(cut(classIndex, at), mask))),
        };
      }
    }
  } finally {
    await batches.close();
  }
}

/** The images of a batch as a view shows them. */
function viewOf({ images, samples, size }: Batch, view: TtaName): Float32Array {
  if (view === 'identity') return images;
  const pixels = size * size;
  const seen = new Float32Array(images.length);
  for (let i = 0; i < samples.length; i++) seen.set(mirrored(images.subarray(i * pixels, (i + 1) * pixels), size, 1, view), i * pixels);
  return seen;
}

function addTo(sums: number[][], values: readonly (readonly number[])[]): void {
  for (const [classIndex, row] of sums.entries()) {
    for (const [index, sum] of row.entries()) row[index] = sum + (values[classIndex]?.[index] ?? 0);
  }
}
