import { cropWindow } from '@carpal/configs/schema/options.ts';
import type { PreparedSample } from '@carpal/report/dataset/prepared-set.ts';
import type { Parts } from '../data/batch-maker.ts';
import { openBatches } from '../data/batches.ts';
import type { TargetRule } from '../data/fill-target.ts';
import { nextTurn } from '../infer/pause.ts';
import { WindowMean } from '../infer/windows.ts';
import type { Evaluator } from '../step/step.ts';
import type { DiceThread } from './dice-thread.ts';

/**
 * A pixel belongs to a class if its probability is above this value. It is not inference.threshold, which may change after the training and
 * so must not decide which epoch has the best weights.
 */
export const VALIDATION_THRESHOLD = 0.5;

export type Validation = {
  /**
   * Mean loss over the images at training size. With crops, the mean over the windows of all images: so it is comparable with the training
   * loss, which is that of single crops.
   */
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
  /** Side of the square that images are fitted to, and of their logits. */
  readonly size: number;
  /** Side of the crops that the network is trained on. Absent: it is trained on the whole image. */
  readonly cropSize?: number | undefined;
  readonly batchSize: number;
  readonly seed: number;
  readonly targets: TargetRule;
};

export type ValidationListener = { readonly imageDone?: (done: number) => Promise<void>; readonly advanced?: () => void };

/** Batches of the samples, or of the given parts of each sample, in order, neither shuffled nor augmented. */
export function plainBatches(source: ValidationSource, parts?: Parts): ReturnType<typeof openBatches> {
  return openBatches({
    prepared: source.preparedFolder,
    samples: source.samples,
    batchSize: source.batchSize,
    classes: source.classes,
    seed: source.seed,
    targets: source.targets,
    epoch: 0,
    shuffle: false,
    ...(parts && { parts }),
  });
}

/**
 * Loss and thresholded Dice over the samples, as the network sees them in training: the whole image at training size, or windows of the size
 * of the crops, whose logits are averaged as in inference. It runs after each epoch and uses one view. It does not use the views and windows
 * of inference either: these may change after the training, and so must not decide which epoch has the best weights.
 *
 * While the network processes an image, the `dices` thread compares the masks of earlier ones, so the memory does not grow with the number
 * of images: with windows, it holds two logit maps `[size, size, classes]`. Returns undefined once the signal aborts, because an incomplete
 * validation has no meaning. `imageDone` gets the number of finished images; `advanced` is called after each run of the network.
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
  let inputs = 0;
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
    underway = [];
    return !signal.aborted;
  };
  const reader = source.cropSize === undefined ? new WholeImages(source) : new WindowedImages(source, source.cropSize);
  const batches = plainBatches(source, reader.parts);
  try {
    for await (const { images, targets, size, samples } of batches) {
      const count = samples.length;
      const answer = evaluator.run({ images, targets, count, size });
      loss += answer.loss * count;
      inputs += count;
      advanced();
      await nextTurn();
      if (signal.aborted) return undefined;
      const started: Promise<readonly number[]>[] = [];
      for (const { sample, logits } of reader.finished(samples, answer.logits)) {
        if (started.length === 0 && !(await addDices())) return undefined;
        started.push(dices.of(sample, logits));
      }
      if (started.length > 0) underway = started;
    }
  } finally {
    await batches.close();
  }
  if (!(await addDices())) return undefined;
  const perClassDice = Array.from(sums, (sum) => sum / done);
  return { loss: loss / inputs, dice: perClassDice.reduce((sum, value) => sum + value, 0) / source.classes, perClassDice };
}

/** An image with its logits `[size, size, classes]`, which are valid until the next one is requested. */
type ImageWithLogits = { readonly sample: PreparedSample; readonly logits: Float32Array };

/** Turns the network's outputs, in the order of the batches, into logits of whole images. */
type ImageReader = {
  /** What the network sees of each image; undefined: the whole image. */
  readonly parts: Parts | undefined;
  /** The images that this batch completes. */
  finished(samples: readonly PreparedSample[], logits: Float32Array): Iterable<ImageWithLogits>;
};

class WholeImages implements ImageReader {
  readonly parts = undefined;
  readonly #length: number;

  constructor({ size, classes }: ValidationSource) {
    this.#length = size * size * classes;
  }

  *finished(samples: readonly PreparedSample[], logits: Float32Array): Iterable<ImageWithLogits> {
    const length = this.#length;
    for (const [index, sample] of samples.entries()) yield { sample, logits: logits.subarray(index * length, (index + 1) * length) };
  }
}

/** Averages the logits of the windows of each image in one map, which all images use in turn. */
class WindowedImages implements ImageReader {
  readonly parts: Parts & { readonly kind: 'windows' };
  readonly #mean: WindowMean;
  #next = 0;

  constructor({ size, classes }: ValidationSource, cropSize: number) {
    this.#mean = new WindowMean(size, cropWindow(cropSize), classes);
    this.parts = { kind: 'windows', size: cropSize, windows: this.#mean.places.map(({ top, left }) => ({ top, left, size: cropSize })) };
  }

  *finished(samples: readonly PreparedSample[], logits: Float32Array): Iterable<ImageWithLogits> {
    const length = logits.length / samples.length;
    for (const [index, sample] of samples.entries()) {
      if (this.#next === 0) this.#mean.clear();
      this.#mean.add(this.#next, logits.subarray(index * length, (index + 1) * length));
      this.#next = (this.#next + 1) % this.parts.windows.length;
      if (this.#next === 0) yield { sample, logits: this.#mean.logits };
    }
  }
}
