/**
 * The memory of a whole fold's process, estimated from what its recorded step holds. The constants were fitted to trials on CPUs
 * (SlimUNet, UNet and SegFormer at two sizes each); on a GPU activations are in the GPU's own memory, of which this says nothing.
 */
import type { StepMemory } from '../engine/graph/step-memory.ts';

/** Node, TensorFlow's library and its graph. */
export const PROCESS_MB = 420;
/** Of what a step's values hold: the allocator's gaps, and what kernels need beside their results. */
const LIVE_FACTOR = 1.3;
/** The session's own, the evaluator's weights, and a checkpoint's copies in JavaScript while one is written. */
const STATE_FACTOR = 3.9;
/** A fold has this many batches at a time: one in the step's hands and those made ahead (batches.ts). */
export const BATCHES_HELD = 3;

const MEGABYTE = 2 ** 20;

/** In MB, for `count` images of `size` pixels and so many classes. */
export function estimateMemoryMb({ live, state }: StepMemory, count: number, size: number, classes: number): number {
  const batch = count * size * size * (4 + classes);
  return PROCESS_MB + (LIVE_FACTOR * live + STATE_FACTOR * state + BATCHES_HELD * batch) / MEGABYTE;
}

/** Below this share of the limit an estimate is believed. */
const SURELY_FITS = 0.6;
/** Above this it is too. */
const SURELY_NOT = 1.6;

/** What to do about a step whose memory is estimated: begin it, refuse it, or try it in a process of its own first. */
export function judgeEstimate(estimateMb: number, limitMb: number): 'begin' | 'try' | 'refuse' {
  if (estimateMb <= SURELY_FITS * limitMb) return 'begin';
  return estimateMb > SURELY_NOT * limitMb ? 'refuse' : 'try';
}
