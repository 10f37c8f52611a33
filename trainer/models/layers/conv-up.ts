import { convTranspose2x2 } from '../../engine/ops/conv-transpose.ts';
import { biasAdd } from '../../engine/ops/linear.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import type { VariableMaker } from './variables.ts';

/** Learned up-sampling: 2×2 transposed convolution with bias at stride 2. No ReLU follows, so its variance is 1 / from. */
export function convUp(make: VariableMaker, name: string, from: number, to: number): (x: Tensor4D) => Tensor4D {
  const kernel = make.normal(`${name}/kernel`, [2, 2, to, from], Math.sqrt(1 / from));
  const bias = make.constant(`${name}/bias`, [to], 0);
  return (x) => tf.tidy(() => biasAdd(convTranspose2x2(x, kernel), bias));
}
