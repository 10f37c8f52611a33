import type { PreparedSample } from '@carpal/report/dataset/prepared-set.ts';
import { openBatches } from '../data/batches.ts';
import type { TargetRule } from '../data/fill-target.ts';
import { nextTurn } from '../infer/pause.ts';
import type { Evaluator } from '../step/step.ts';
import type { DiceThread } from './dice-thread.ts';

/**
 * A pixel belongs to a class if its probability is above this value. It is not inference.threshold, which may change after the training and
 * so must not decide which epoch has the best weights.
 */
export const VALIDATION_THRESHOLD = 0.5;

export type Validation = {
  /** Mean loss over the images at training size. */
  readonly loss: number;
  /** Mean Dice over image × class of thresholded masks at the size of the original images: the score of the competition. */
  readonly dice: number;
  /** Mean Dice over the images, in class order. */
  readonly perClassDice: readonly number[];
};

export type ValidationSource = {
  readonly preparedFolder: string;
  readonly samples: readonly PreparedSample[];
  readonly classes: number;
  readonly size: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly targets: TargetRule;
};

export type ValidationListener = { readonly imageDone?: (done: number) => Promise<void>; readonly advanced?: () => void };

/** Batches of the samples in order, neither shuffled nor augmented. */
export function plainBatches(source: ValidationSource): ReturnType<typeof openBatches> {
  return openBatches({
    prepared: source.preparedFolder,
    samples: source.samples,
    batchSize: source.batchSize,
    classes: source.classes,
    seed: source.seed,
    targets: source.targets,
    epoch: 0,
    startStep: 0,
    augmentations: [],
    shuffle: false,
  });
}

/**
 * Loss and thresholded Dice over the samples, as the network sees them in training: the whole image at training size in one view. It runs
 * after each epoch, so it does not use the views and windows of inference. While the network processes a batch, the `dices` thread compares
 * the masks of the previous batch, so the memory does not grow with the number of images. Returns undefined once the signal aborts, because
 * an incomplete validation has no meaning. `imageDone` gets the number of finished images; `advanced` is called after each run of the network.
 */
export async function validate(
  source: ValidationSource,
  evaluator: Evaluator,
  dices: DiceThread,
  signal: AbortSignal,
  { imageDone = async () => undefined, advanced = () => undefined }: ValidationListener = {},
): Promise<Validation | undefined> {
  const sums = new Float64Array(source.classes);
  let loss = 0;
  let images = 0;
  let done = 0;
  let underway: readonly Promise<readonly number[]>[] = [];
  /** Returns false if the signal aborts before all results have arrived. */
  const addDices = async (): Promise<boolean> => {
    // Added in the order of the images, because sums of floats depend on it.
    for (const answer of underway) {
      if (signal.aborted) return false;
      for (const [classIndex, value] of (await answer).entries()) sums[classIndex] = (sums[classIndex] ?? 0) + value;
      await imageDone(++done);
    }
    return !signal.aborted;
  };
  const batches = plainBatches(source);
  try {
    for await (const batch of batches) {
      const count = batch.samples.length;
      const answer = evaluator.run({ images: batch.images, targets: batch.targets, count, size: source.size });
      loss += answer.loss * count;
      images += count;
      advanced();
      await nextTurn();
      if (!(await addDices())) return undefined;
      underway = batch.samples.map((sample, index) => dices.of(sample, logitsAt(answer.logits, index, source)));
    }
  } finally {
    await batches.close();
  }
  if (!(await addDices())) return undefined;
  const perClassDice = Array.from(sums, (sum) => sum / images);
  return { loss: loss / images, dice: perClassDice.reduce((sum, value) => sum + value, 0) / source.classes, perClassDice };
}

/** The logits of one image of a batch. A view, not a copy. */
function logitsAt(logits: Float32Array, index: number, { size, classes }: { size: number; classes: number }): Float32Array {
  const length = size * size * classes;
  return logits.subarray(index * length, (index + 1) * length);
}
