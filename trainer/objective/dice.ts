import { runKernel, typeAttribute } from '../engine/kernels.ts';
import { type Scalar, type Tensor4D, tf } from '../engine/tensorflow.ts';
import type { LossTerm } from './loss-term.ts';

/** Added above and below, so that a class which is absent and not predicted counts as right. */
const SMOOTH = 1;
const PIXELS = [1, 2];
const T = [typeAttribute('T')];

/**
 * Soft Dice of each image and class, averaged over both: 1 − (2·Σp·g + 1) / (Σp + Σg + 1), sums over pixels. Small bones count as much as
 * large ones. With N and D for numerator and denominator, the derivative by one p is (N − 2·g·D) / D², times p·(1 − p) by its logit.
 */
export const dice: LossTerm = ({ probabilities, targets }) => {
  const numerator = tf.add(tf.mul(tf.sum(tf.mul(probabilities, targets), PIXELS, true), 2), SMOOTH);
  const denominator = tf.add(tf.add(tf.sum(probabilities, PIXELS, true), tf.sum(targets, PIXELS, true)), SMOOTH);
  return {
    value: tf.sub(1, tf.mean(tf.div(numerator, denominator))) as Scalar,
    gradient: () => {
      const scale = 1 / numerator.size;
      const constant = tf.mul(tf.div(numerator, tf.square(denominator)), scale);
      const slope = tf.div(-2 * scale, denominator);
      return runKernel<Tensor4D>('SigmoidGrad', T, [probabilities, tf.add(tf.mul(targets, slope), constant)]);
    },
  };
};
