import { runKernel, typeAttribute, withGradient } from '../kernels.ts';
import { type Tensor, tf } from '../tensorflow.ts';

const T = [typeAttribute('T')];

/**
 * max(x, 0). The gradient is one ReluGrad kernel on the output, so the input is not kept. (tfjs uses three kernels on the input: Step,
 * Cast, Mul.)
 */
export function relu<Shape extends Tensor>(x: Shape): Shape {
  return withGradient<Shape>([x], () => {
    const value = runKernel<Shape>('Relu', T, [x]);
    return { value, saved: [value], gradient: (dy, saved) => [runKernel('ReluGrad', T, [dy, ...saved])] };
  });
}

/** min(max(x, 0), 6). The gradient passes where the output is between 0 and 6. */
export function relu6<Shape extends Tensor>(x: Shape): Shape {
  return withGradient<Shape>([x], () => {
    const value = runKernel<Shape>('Relu6', T, [x]);
    return { value, saved: [value], gradient: (dy, saved) => [runKernel('Relu6Grad', T, [dy, ...saved])] };
  });
}

/** x·σ(x), with the logistic function σ (PyTorch's SiLU). The gradient is σ·(1 + x·(1 − σ)). */
export function swish<Shape extends Tensor>(x: Shape): Shape {
  return withGradient<Shape>([x], () => {
    const sigmoid = tf.sigmoid(x);
    return {
      value: tf.mul(x, sigmoid) as Shape,
      saved: [x, sigmoid],
      gradient: (dy, saved) => {
        const [input, by] = saved as [Tensor, Tensor];
        return [tf.tidy(() => tf.mul(dy, tf.mul(by, tf.add(tf.mul(input, tf.sub(1, by)), 1))))];
      },
    };
  });
}

/** scale·relu(x)² + bias; scale and bias are learned (StarReLU: Yu et al. 2022, "MetaFormer Baselines for Vision"). */
export function starRelu<Shape extends Tensor>(x: Shape, scale: Tensor, bias: Tensor): Shape {
  return withGradient<Shape>([x, scale, bias], () => {
    const positive = runKernel('Relu', T, [x]);
    return {
      value: tf.add(tf.mul(tf.square(positive), scale), bias) as Shape,
      saved: [positive, scale],
      gradient: (dy, saved) => {
        const [kept, by] = saved as [Tensor, Tensor];
        const weighted = tf.mul(dy, kept);
        return [tf.mul(weighted, tf.mul(by, 2)), tf.reshape(tf.sum(tf.mul(weighted, kept)), by.shape), tf.reshape(tf.sum(dy), by.shape)];
      },
    };
  });
}

/**
 * x·Φ(x), where Φ is the normal distribution function (Hendrycks and Gimpel 2016): PyTorch's GELU in its exact form. The gradient is Φ(x) +
 * x·φ(x). The forward pass saves Φ and z = x/√2, and the gradient computes x·φ(x) as z·e^(−z²)/√π. That needs one pass over memory less
 * than computing it from x. If e^(z²) overflows, z / e^(z²) is 0, which is the right value.
 */
export function gelu<Shape extends Tensor>(x: Shape): Shape {
  return withGradient<Shape>([x], () => {
    const scaled = tf.mul(x, Math.SQRT1_2);
    const distribution = tf.tidy(() => tf.add(tf.mul(tf.erf(scaled), 0.5), 0.5));
    return {
      value: tf.mul(x, distribution) as Shape,
      saved: [scaled, distribution],
      gradient: (dy, saved) => [tf.tidy(() => tf.mul(dy, geluSlope(...(saved as [Tensor, Tensor]))))],
    };
  });
}

function geluSlope(scaled: Tensor, distribution: Tensor): Tensor {
  const bell = tf.div(scaled, tf.exp(tf.square(scaled)));
  return tf.add(distribution, tf.mul(bell, 1 / Math.sqrt(Math.PI)));
}
