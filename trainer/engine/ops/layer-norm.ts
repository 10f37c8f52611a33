import { withGradient } from '../kernels.ts';
import { type Tensor, tf } from '../tensorflow.ts';
import { biasAdd } from './linear.ts';

/** Added to the variance before the square root, unless a network was published with another number. */
const EPSILON = 1e-6;

/**
 * Layer normalisation of x `[…, channels]` over its last axis: y = gamma·(x − mean)/√(variance + epsilon), plus beta if given, with the
 * biased variance. It consists of sums and products, because TensorFlow has no CPU kernel for it. Saves the normalised x and one number per row
 * for the gradient.
 */
export function layerNorm<Shape extends Tensor>(x: Shape, gamma: Tensor, beta?: Tensor, epsilon = EPSILON): Shape {
  const rows = tf.reshape(x, [-1, gamma.shape[0] as number]);
  const value = withGradient<Tensor>([rows, gamma], () => {
    const centred = tf.sub(rows, tf.mean(rows, 1, true));
    const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon));
    const normal = tf.mul(centred, scale);
    return {
      value: tf.mul(normal, gamma),
      saved: [normal, scale, gamma],
      gradient: (dy, saved) => {
        const [kept, by, weights] = saved as [Tensor, Tensor, Tensor];
        const weighted = tf.mul(dy, kept);
        const direct = tf.mul(dy, weights);
        const along = tf.mul(kept, tf.mean(tf.mul(direct, kept), 1, true));
        const dx = tf.mul(tf.sub(tf.sub(direct, tf.mean(direct, 1, true)), along), by);
        return [dx, tf.sum(weighted, 0)];
      },
    };
  });
  return tf.reshape(beta ? biasAdd(value, beta) : value, x.shape) as Shape;
}
