import type { LossOptions } from '@carpal/configs/schema/options.ts';
import type { Scalar, Tensor, Tensor4D } from '../engine/tensorflow.ts';

/**
 * What a ratio of areas is taken over: each class of each image has its own ratio and all count alike, or there is one ratio for the whole
 * batch, in which large bones outweigh small ones.
 */
export type Reduction = NonNullable<LossOptions['reduction']>;

/** Sums over pixels, as arrays that broadcast over logits: Σp·g, Σp, Σg. */
export type AreaSums = { readonly both: Tensor; readonly found: Tensor; readonly truth: Tensor };

/** What every loss is computed from; all arrays are `[batch, height, width, classes]`. */
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
 * A loss and its derivative, written by hand. The derivative is computed in training only. It is given by each logit (`byLogit`), or, for a loss
 * that depends on sums over pixels, as one linear function for all pixels of a sum (`byArea`); those are added before they are applied to the
 * pixels. Runs in a tidy of the caller.
 */
export type LossTerm = (
  input: LossInput,
  options: LossOptions,
) =>
  | { readonly value: Scalar; readonly byLogit: () => Tensor4D; readonly byArea?: never }
  | { readonly value: Scalar; readonly byArea: () => AreaGradient; readonly byLogit?: never };
