import { runKernel, typeAttribute } from '../engine/kernels.ts';
import { type Scalar, type Tensor, tf } from '../engine/tensorflow.ts';

const T = [typeAttribute('T')];

/** The Euclidean norm of all gradients together. */
export function globalNorm(gradients: readonly Tensor[]): Scalar {
  return tf.tidy(() => {
    // L2Loss is half the sum of squares, in one kernel.
    const halves = gradients.map((gradient) => runKernel('L2Loss', T, [gradient]));
    return tf.sqrt(tf.mul(tf.addN(halves), 2)) as Scalar;
  });
}

/** The gradients scaled down, together, to a norm of at most `limit` (PyTorch's clip_grad_norm_, with its 1e-6 against a norm of zero). */
export function clipGradients(gradients: readonly Tensor[], limit: number): Tensor[] {
  const scale = tf.minimum(tf.div(limit, tf.add(globalNorm(gradients), 1e-6)), 1);
  return gradients.map((gradient) => runKernel('Mul', T, [gradient, scale]));
}
