/**
 * The seam between training and whatever executes it: kernel by kernel (eager-step.ts, eager-inference.ts) or as recorded graphs
 * (graph/graph-step.ts, graph/graph-inference.ts). Nothing but plain arrays crosses.
 */
import type { NamedArrays } from './named-arrays.ts';

/** `count` square images and their targets. The arrays may be reused as soon as `run` has returned. */
export type StepBatch = {
  /** Grey values in 0..1, `[count, size, size, 1]`. */
  readonly images: Float32Array;
  /** Coverage of each pixel by each class in 0..255, `[count, size, size, classes]`. */
  readonly targets: Uint8Array;
  readonly count: number;
  readonly size: number;
};

/** One step of training: forward, loss, gradients, optimizer, moving averages. Holds device memory until `dispose`. */
export type TrainingStep = {
  /** Trains on one batch and returns its loss (which is not finite when training has diverged; the caller decides what then). */
  run(batch: StepBatch, learningRate: number): number;
  /** Everything that the next step depends on: `model/…` and `optimizer/…`. */
  readState(): NamedArrays;
  /** Puts back what `readState` gave; the steps that follow are then the same. CarpalError `weights-mismatch` for another model's state. */
  writeState(state: NamedArrays): void;
  /** Frees the optimizer's memory; the model stays with whoever built it. */
  dispose(): void;
};

/** Inference. */
export type Predictor = {
  /** Logits `[count, size, size, classes]` of images `[count, size, size, 1]` in 0..1. */
  run(images: Float32Array, count: number, size: number): Float32Array;
  dispose(): void;
};

/** Validation: one forward pass gives both the loss and the logits that Dice is computed from. */
export type Evaluator = {
  run(batch: StepBatch): { readonly loss: number; readonly logits: Float32Array };
  dispose(): void;
};
