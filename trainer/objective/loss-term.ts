import type { Scalar, Tensor4D } from '../engine/tensorflow.ts';

/** What every loss is computed from, all `[batch, height, width, classes]`. */
export type LossInput = {
  readonly logits: Tensor4D;
  /** σ(logits), computed once for all losses. */
  readonly probabilities: Tensor4D;
  /** The share of each pixel that each class covers, 0..1. */
  readonly targets: Tensor4D;
};

/**
 * A loss and its derivative by hand. `gradient` is by the logits and is asked for in training only; both run inside a tidy of the caller.
 */
export type LossTerm = (input: LossInput) => { readonly value: Scalar; readonly gradient: () => Tensor4D };
