import { runKernel, typeAttribute } from '../engine/kernels.ts';
import { type Scalar, type Tensor4D, tf } from '../engine/tensorflow.ts';
import type { LossTerm } from './loss-term.ts';

const T = [typeAttribute('T')];

/**
 * Binary cross-entropy of each pixel and class, averaged over all of them: −y·log σ(z) − (1 − y)·log(1 − σ(z)) = softplus(z) − z·y, which
 * neither overflows nor loses precision for large |z|. Gradient (σ(z) − y) / n.
 */
export const bce: LossTerm = ({ logits, probabilities, targets }) => ({
  value: tf.mean(tf.sub(runKernel('Softplus', T, [logits]), tf.mul(logits, targets))) as Scalar,
  gradient: () => tf.mul(tf.sub(probabilities, targets), 1 / logits.size) as Tensor4D,
});
