import { runKernel, typeAttribute } from '../engine/kernels.ts';
import { type Scalar, type Tensor4D, tf } from '../engine/tensorflow.ts';
import type { LossTerm } from './loss-term.ts';

const T = [typeAttribute('T')];

/**
 * Binary cross-entropy of each pixel and class: −y·log σ(z) − (1 − y)·log(1 − σ(z)) = softplus(z) − z·y, which neither overflows nor loses
 * precision for large |z|.
 */
export function crossEntropies(logits: Tensor4D, targets: Tensor4D): Tensor4D {
  return tf.sub(runKernel<Tensor4D>('Softplus', T, [logits]), tf.mul(logits, targets));
}

/** Binary cross-entropy averaged over pixels and classes. Gradient (σ(z) − y) / n. */
export const bce: LossTerm = ({ logits, probabilities, targets }) => ({
  value: tf.mean(crossEntropies(logits, targets)) as Scalar,
  byLogit: () => tf.mul(tf.sub(probabilities, targets), 1 / logits.size) as Tensor4D,
});
