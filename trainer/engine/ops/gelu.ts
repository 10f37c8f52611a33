import { type Tensor, tf } from '../tensorflow.ts';
import { withGradient } from '../with-gradient.ts';

/**
 * x·Φ(x) with Φ the normal distribution function (Hendrycks and Gimpel 2016): PyTorch's GELU in its exact form. The gradient is
 * Φ(x) + x·φ(x). What is kept is Φ and z = x/√2, by which x·φ(x) is z·e^(−z²)/√π, a pass over memory less than from x itself. Where e^(z²)
 * overflows, z divided by it is the 0 that it should be.
 */
export function gelu<Shape extends Tensor>(x: Shape): Shape {
  return withGradient<Shape>([x], () => {
    const scaled = tf.mul(x, Math.SQRT1_2);
    const distribution = tf.tidy(() => tf.add(tf.mul(tf.erf(scaled), 0.5), 0.5));
    return {
      value: tf.mul(x, distribution) as Shape,
      saved: [scaled, distribution],
      gradient: (dy, saved) => [tf.tidy(() => tf.mul(dy, slope(...(saved as [Tensor, Tensor]))))],
    };
  });
}

function slope(scaled: Tensor, distribution: Tensor): Tensor {
  const bell = tf.div(scaled, tf.exp(tf.square(scaled)));
  return tf.add(distribution, tf.mul(bell, 1 / Math.sqrt(Math.PI)));
}
