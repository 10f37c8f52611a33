/**
 * Estimates the memory of a whole fold process from the values of its recorded step. The constants were fitted to trials on CPUs (SlimUNet,
 * UNet and SegFormer at two sizes each). On a GPU, activations are in the GPU's own memory, which this estimate does not cover.
 */
import type { StepMemory } from '../engine/graph/step-memory.ts';
import { largestThatFits } from './choose-sizes.ts';

/** Node, TensorFlow's library and its graph. */
export const PROCESS_MB = 420;
/** Relative to the values of a step: gaps in the allocator, and the scratch memory of kernels. */
const LIVE_FACTOR = 1.3;
/** Relative to the state: the session's copy, the evaluator's weights, and the JavaScript copies while a checkpoint is written. */
const STATE_FACTOR = 3.9;
/** How many batches a fold holds at a time: one in the step, the others prepared ahead (batches.ts). */
export const BATCHES_HELD = 3;

/** Relative to the weights of a network that predicts: the model's, the session's, and a copy on the way from one to the other. */
const WEIGHTS_FACTOR = 3;

const MEGABYTE = 2 ** 20;

/** Memory in MB of a process in which networks predict one after the other, without the logits that it keeps. */
export function predictionMemoryMb(runs: readonly StepMemory[]): number {
  const weights = runs.reduce((sum, { state }) => sum + state, 0);
  return PROCESS_MB + (WEIGHTS_FACTOR * weights + LIVE_FACTOR * Math.max(...runs.map(({ live }) => live))) / MEGABYTE;
}

/** Memory in MB for a batch of `count` images of `size` × `size` pixels. */
export function estimateMemoryMb({ live, state }: StepMemory, count: number, size: number, classes: number): number {
  const batch = count * size * size * (4 + classes);
  return PROCESS_MB + (LIVE_FACTOR * live + STATE_FACTOR * state + BATCHES_HELD * batch) / MEGABYTE;
}

/** An estimate below this share of the limit is trusted. */
const SURELY_FITS = 0.6;
/** An estimate above this share of the limit is trusted. */
const SURELY_EXCEEDS = 1.6;

/** Whether a step with this estimate fits. If the answer is 'unsure', one step must be tried in a separate process. */
export function compareWithLimit(estimateMb: number, limitMb: number): 'fits' | 'unsure' | 'exceeds' {
  if (estimateMb <= SURELY_FITS * limitMb) return 'fits';
  return estimateMb > SURELY_EXCEEDS * limitMb ? 'exceeds' : 'unsure';
}

/** The largest batch at the requested size, and the largest size for a batch of one image. Undefined: none fits. */
export type Fitting = { readonly batchSize: number | undefined; readonly size: number | undefined };

const LARGEST_SIDE = 2048;
const SMALLEST_SIDE = 32;

/**
 * The largest batch and the largest size that need no more than the limit according to `memoryMb`. Never returns the requested values,
 * because these did not fit.
 */
export function fittingSizes(
  { size, batchSize, sizeMultiple }: { size: number; batchSize: number; sizeMultiple: number },
  limitMb: number,
  memoryMb: (count: number, side: number) => number,
): Fitting {
  const batches = Array.from({ length: batchSize - 1 }, (_, index) => index + 1);
  const sides = Array.from({ length: Math.floor(LARGEST_SIDE / sizeMultiple) }, (_, index) => (index + 1) * sizeMultiple);
  return {
    batchSize: largestThatFits(batches, (count) => memoryMb(count, size) <= limitMb),
    size: largestThatFits(
      sides.filter((side) => side >= SMALLEST_SIDE && (batchSize > 1 || side < size)),
      (side) => memoryMb(1, side) <= limitMb,
    ),
  };
}
