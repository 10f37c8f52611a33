/** Losses that are a mean over pixels: binary cross-entropy and focal loss. */
import { runKernel, typeAttribute } from '../engine/kernels.ts';
import { type Scalar, type Tensor4D, tf } from '../engine/tensorflow.ts';
import type { LossTerm } from './loss-term.ts';

const T = [typeAttribute('T')];

/**
 * Binary cross-entropy of each pixel and class: −y·log σ(z) − (1 − y)·log(1 − σ(z)) = softplus(z) − z·y, which neither overflows nor loses
 * precision for large |z|.
 */
function crossEntropies(logits: Tensor4D, targets: Tensor4D): Tensor4D {
  return tf.sub(runKernel<Tensor4D>('Softplus', T, [logits]), tf.mul(logits, targets));
}

/** Binary cross-entropy averaged over pixels and classes. Gradient (σ(z) − y) / n. */
export const bce: LossTerm = ({ logits, probabilities, targets }) => ({
  value: tf.mean(crossEntropies(logits, targets)) as Scalar,
  byLogit: () => tf.mul(tf.sub(probabilities, targets), 1 / logits.size) as Tensor4D,
});

/** Defaults of Lin and others 2017. */
const ALPHA = 0.25;
const GAMMA = 2;
/** Keeps B / (1 − e^−B) from being 0 / 0; the change is far below the precision of the sum. */
const LEAST = 1e-7;

/**
 * Focal loss, averaged over pixels and classes: w·(1 − e^−B)^γ·B, where B is the pixel's cross-entropy and w = α·y + (1 − α)·(1 − y). For
 * targets of 0 and 1, e^−B is the probability of the right answer, and this is the loss of Lin and others (2017). For targets in between,
 * the loss is still smallest where σ(z) = y, because it grows with B. Its derivative by B is w·(1 − e^−B)^γ·(1 + γ·e^−B·B / (1 − e^−B)),
 * and the derivative of B by the logit is σ(z) − y.
 */
export const focal: LossTerm = ({ logits, probabilities, targets }, { alpha = ALPHA, gamma = GAMMA }) => {
  const entropy = tf.maximum(crossEntropies(logits, targets), LEAST);
  const wrong = tf.neg(tf.expm1(tf.neg(entropy)));
  const weight = tf.add(tf.mul(targets, 2 * alpha - 1), 1 - alpha);
  const weighted = tf.mul(weight, gamma === 2 ? tf.square(wrong) : tf.pow(wrong, gamma));
  return {
    value: tf.mean(tf.mul(weighted, entropy)) as Scalar,
    byLogit: () => {
      const right = tf.sub(1, wrong);
      const slope = tf.mul(weighted, tf.add(tf.div(tf.mul(tf.mul(right, entropy), gamma), wrong), 1));
      return tf.mul(tf.mul(tf.sub(probabilities, targets), slope), 1 / logits.size) as Tensor4D;
    },
  };
};
