import type { LossOptions } from '@carpal/configs/schema/options.ts';
import type { Scalar, Tensor, Tensor4D } from '../engine/tensorflow.ts';

/**
 * Which pixels share a ratio of areas. `perImageClass`: each class of each image has its own ratio, and all ratios count equally. `global`:
 * one ratio for the whole batch, in which large bones outweigh small ones.
 */
export type Reduction = NonNullable<LossOptions['reduction']>;

/** Sums over pixels, as arrays that broadcast over logits: Σp·g, Σp, Σg. */
export type AreaSums = { readonly both: Tensor; readonly found: Tensor; readonly truth: Tensor };

/** The input of every loss. All arrays are `[batch, height, width, classes]`. */
export type LossInput = {
  readonly logits: Tensor4D;
  /** σ(logits), computed once for all losses. */
  readonly probabilities: Tensor4D;
  /** The share of each pixel that each class covers, 0..1. */
  readonly targets: Tensor4D;
  /** Computed once for all losses with this reduction. */
  readonly sums: (reduction: Reduction) => AreaSums;
};

/** The derivative by a probability, if it is linear in the pixel's target: slope·target + constant. */
export type AreaGradient = { readonly slope: Tensor; readonly constant: Tensor };

/**
 * A loss and its derivative, which is written by hand and computed only in training. `byLogit` is the derivative by each logit. A loss that
 * depends on sums over pixels has `byArea` instead: one linear function for all pixels of a sum. The `byArea` functions of all losses are
 * added before they are applied to the pixels. Runs in a tidy of the caller.
 */
export type LossTerm = (
  input: LossInput,
  options: LossOptions,
) =>
  | { readonly value: Scalar; readonly byLogit: () => Tensor4D; readonly byArea?: never }
  | { readonly value: Scalar; readonly byArea: () => AreaGradient; readonly byLogit?: never };
