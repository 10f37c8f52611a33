import { layerNorm } from '../../engine/ops/layer-norm.ts';
import { type Tensor, tf } from '../../engine/tensorflow.ts';
import type { VariableMaker } from './variables.ts';

/** Layer normalisation of the last axis, beginning as the bare normalisation; without `bias` it has no `<name>/beta`. */
export function tokenNorm(make: VariableMaker, name: string, channels: number, bias = true) {
  const gamma = make.constant(`${name}/gamma`, [channels], 1);
  const beta = bias ? make.constant(`${name}/beta`, [channels], 0) : undefined;
  return <Shape extends Tensor>(x: Shape): Shape => tf.tidy(() => layerNorm(x, gamma, beta));
}
