import type { Scalar, Tensor, Tensor4D } from '../engine/tensorflow.ts';

/**
 * Over what a ratio of areas is taken: each class of each image has its own, and all count alike; or one ratio stands for everything, in which
 * large bones outweigh small ones.
 */
export type Reduction = 'perImageClass' | 'global';

/** Options of all losses; each reads its own. What is left out is what configs/schema/options.ts says. */
export type LossOptions = {
  /** Focal: the weight of pixels inside, 1 − alpha of those outside. FocalTversky: the weight of what is found and not there. */
  readonly alpha?: number | undefined;
  /** FocalTversky: the weight of what is there and not found. */
  readonly beta?: number | undefined;
  /** The exponent that takes weight from what is nearly right. */
  readonly gamma?: number | undefined;
  readonly reduction?: Reduction | undefined;
};

/** Sums over pixels, as arrays that broadcast over logits: Σp·g, Σp, Σg. */
export type AreaSums = { readonly both: Tensor; readonly found: Tensor; readonly truth: Tensor };

/** What every loss is computed from, all `[batch, height, width, classes]`. */
export type LossInput = {
  readonly logits: Tensor4D;
  /** σ(logits), computed once for all losses. */
  readonly probabilities: Tensor4D;
  /** The share of each pixel that each class covers, 0..1. */
  readonly targets: Tensor4D;
  /** Computed once for all losses with this reduction. */
  readonly sums: (reduction: Reduction) => AreaSums;
};

/** The derivative by a probability as far as it is a line over the pixel's target: slope·target + constant. */
export type AreaGradient = { readonly slope: Tensor; readonly constant: Tensor };

/**
 * A loss and its derivative by hand, which is asked for in training only: by each logit, or, for a loss that knows pixels by their sums alone,
 * as a line that is the same for all pixels of a sum. Those lines are added up before they meet the pixels. Everything runs in a tidy of the
 * caller.
 */
export type LossTerm = (
  input: LossInput,
  options: LossOptions,
) =>
  | { readonly value: Scalar; readonly byLogit: () => Tensor4D; readonly byArea?: never }
  | { readonly value: Scalar; readonly byArea: () => AreaGradient; readonly byLogit?: never };
