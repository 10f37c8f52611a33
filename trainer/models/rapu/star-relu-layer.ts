import { starRelu } from '../../engine/ops/activations.ts';
import { type Tensor, tf } from '../../engine/tensorflow.ts';
import type { VariableMaker } from '../layers/variables.ts';

/** StarReLU with its two numbers, beginning as relu(x)². */
export function starReluLayer(make: VariableMaker, name: string) {
  const scale = make.constant(`${name}/scale`, [1], 1);
  const bias = make.constant(`${name}/bias`, [1], 0);
  return <Shape extends Tensor>(x: Shape): Shape => tf.tidy(() => starRelu(x, scale, bias));
}
