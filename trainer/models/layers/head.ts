import { conv2d } from '../../engine/ops/conv2d.ts';
import { biasAdd } from '../../engine/ops/linear.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import type { VariableMaker } from './variables.ts';

/**
 * The first weights of a head: a bias of HEAD_BIAS, and a kernel with a standard deviation of headDeviation. They are chosen by
 * measurement: `carpal bench collapse` compares them with others.
 *
 * Every derivative of an area loss has the factor p·(1 − p), and a loss that sums areas over all classes pushes a class down if it is less
 * precise than the large bones are by then. With a bias of −4 and a small kernel, all classes first learn the same direction, "bone", and a
 * small one is at p < 0.001 before the network can tell it from the others, where nothing lifts it any more. With a larger kernel each
 * class has its own direction from the first step, and with a bias of −2 it has time to learn it. A bias nearer to 0 finds a few more classes
 * under such losses, but every loss then spends the first hundred steps on the empty part of the image.
 */
export const HEAD_BIAS = -2;

/**
 * The first standard deviation of a kernel with this many inputs: 1 / √n for up to 64 inputs, 4 / √n for 256 and more, and √n / 64 in
 * between. Adam moves every weight by about the learning rate, so in a head with many inputs the direction that all classes share
 * grows fastest. The larger kernel keeps the classes apart for as long.
 */
export function headDeviation(inputs: number): number {
  return Math.min(Math.max(inputs / 64, 1), 4) / Math.sqrt(inputs);
}

/** Convolution with bias from `from` channels to one logit per class; 1×1 unless `size` is given. */
export function head(make: VariableMaker, name: string, from: number, classes: number, size = 1): (x: Tensor4D) => Tensor4D {
  const kernel = make.normal(`${name}/kernel`, [size, size, from, classes], headDeviation(size * size * from));
  const bias = make.constant(`${name}/bias`, [classes], HEAD_BIAS);
  return (x) => tf.tidy(() => biasAdd(conv2d(x, kernel), bias));
}
