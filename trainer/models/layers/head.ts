import { conv2d } from '../../engine/ops/conv2d.ts';
import { biasAdd } from '../../engine/ops/linear.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import type { VariableMaker } from './variables.ts';

/**
 * Initial log-odds that a pixel belongs to a class. A bone covers 0.1–2 % of an image. With an initial probability of one half, the first
 * hundred steps would only learn that most of the image is empty.
 */
export const PRIOR_LOG_ODDS = -4;

/**
 * Convolution with bias from `from` channels to one logit per class; 1×1 unless `size` is given. Small initial weights keep the initial
 * logits near the prior.
 */
export function head(make: VariableMaker, name: string, from: number, classes: number, size = 1): (x: Tensor4D) => Tensor4D {
  const kernel = make.normal(`${name}/kernel`, [size, size, from, classes], 0.1 / Math.sqrt(size * size * from));
  const bias = make.constant(`${name}/bias`, [classes], PRIOR_LOG_ODDS);
  return (x) => tf.tidy(() => biasAdd(conv2d(x, kernel), bias));
}
