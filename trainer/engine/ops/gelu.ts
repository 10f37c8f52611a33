import { type Tensor, tf } from '../tensorflow.ts';
import { withGradient } from '../with-gradient.ts';

/**
 * x·Φ(x) with Φ the normal distribution function (Hendrycks and Gimpel 2016): PyTorch's GELU in its exact form. The gradient is
 * Φ(x) + x·φ(x); Φ(x) is kept from the forward pass.
 */
export function gelu<Shape extends Tensor>(x: Shape): Shape {
  return withGradient<Shape>([x], () => {
    const distribution = tf.tidy(() => tf.add(tf.mul(tf.erf(tf.mul(x, Math.SQRT1_2)), 0.5), 0.5));
    return {
      value: tf.mul(x, distribution) as Shape,
      saved: [x, distribution],
      gradient: (dy, saved) => [tf.tidy(() => tf.mul(dy, slope(...(saved as [Tensor, Tensor]))))],
    };
  });
}

function slope(x: Tensor, distribution: Tensor): Tensor {
  const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return tf.add(distribution, tf.mul(x, density));
}
