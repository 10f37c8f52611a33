import { type Scalar, type Tensor4D, tf } from '../engine/tensorflow.ts';
import { crossEntropies } from './bce.ts';
import type { LossTerm } from './loss-term.ts';

/** Of Lin and others 2017. */
const ALPHA = 0.25;
const GAMMA = 2;
/** Keeps B / (1 − e^−B) from being 0 / 0; what it changes is far below the precision of the sum. */
const LEAST = 1e-7;

/**
 * Focal loss of each pixel and class from its logit, averaged: w·(1 − e^−B)^γ·B with B the pixel's cross-entropy and
 * w = α·y + (1 − α)·(1 − y). For targets of 0 and 1, e^−B is the probability of the right answer and this is the loss of Lin and others
 * (2017); for those between it stays smallest where σ(z) = y, because it only grows with B. Its derivative by B is
 * w·(1 − e^−B)^γ·(1 + γ·e^−B·B / (1 − e^−B)), and B's by the logit σ(z) − y.
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
