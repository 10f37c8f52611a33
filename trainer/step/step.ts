/** The interface of training and inference to the rest of the trainer. It uses plain arrays only, no tensors. */
import type { NamedArrays } from '../engine/named-arrays.ts';

/** `count` square images and their targets. The arrays may be reused as soon as `run` has returned. */
export type StepBatch = {
  /** Grey values in 0..1, `[count, size, size, 1]`. */
  readonly images: Float32Array;
  /** Coverage of each pixel by each class in 0..255, `[count, size, size, classes]`. */
  readonly targets: Uint8Array;
  readonly count: number;
  readonly size: number;
};

/** One step of training: forward pass, loss, gradients, optimizer, moving averages. Holds device memory until `dispose`. */
export type TrainingStep = {
  /**
   * Trains on one batch and returns its loss. If training has diverged, the loss is not finite; the caller decides what to do then.
   * `factoredRate`, by default the learning rate, is the rate of variables that have a factor, before the factor. If it is 0, their values
   * stay the same, while gradients, the optimizer's means and the averages of batch normalisation go on as in any step.
   */
  run(batch: StepBatch, learningRate: number, factoredRate?: number): number;
  /** Everything that the next step depends on: `model/…` and `optimizer/…`. */
  readState(): NamedArrays;
  /**
   * Restores what `readState` returned; the following steps then have the same results. Throws `weights-mismatch` for another model's
   * state.
   */
  writeState(state: NamedArrays): void;
  /** Frees the memory of the optimizer; the model belongs to the caller. */
  dispose(): void;
};

/** Inference. */
export type Predictor = {
  /** Logits `[count, size, size, classes]` of images `[count, size, size, 1]` in 0..1. */
  run(images: Float32Array, count: number, size: number): Float32Array;
  dispose(): void;
};

/** Validation: one forward pass returns the loss and the logits from which Dice is computed. */
export type Evaluator = {
  run(batch: StepBatch): { readonly loss: number; readonly logits: Float32Array };
  dispose(): void;
};
