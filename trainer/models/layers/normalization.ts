import { batchNorm } from '../../engine/ops/batch-norm.ts';
import { layerNorm } from '../../engine/ops/layer-norm.ts';
import { type Tensor, type Tensor4D, tf } from '../../engine/tensorflow.ts';
import type { VariableMaker } from './variables.ts';

/** A layer that behaves differently in training and in inference. `x` is `[batch, height, width, channels]`. */
export type Layer = (x: Tensor4D, training: boolean) => Tensor4D;

/** Batch normalisation as a separate layer. `epsilon` is 1e-5 unless a network was published with another number. */
export function norm(make: VariableMaker, name: string, channels: number, epsilon?: number): Layer {
  const variables = { ...batchNormVariables(make, name, channels), epsilon };
  return (x, training) => batchNorm(x, variables, training);
}

/** The four per-channel arrays of a batch normalisation. Initially it is the identity. */
export function batchNormVariables(make: VariableMaker, name: string, channels: number) {
  return {
    gamma: make.constant(`${name}/gamma`, [channels], 1),
    beta: make.constant(`${name}/beta`, [channels], 0),
    movingMean: make.moving(`${name}/movingMean`, [channels], 0),
    movingVariance: make.moving(`${name}/movingVariance`, [channels], 1),
  };
}

type TokenNormOptions = { readonly bias?: boolean; readonly epsilon?: number | undefined };

/** Layer normalisation of the last axis, initially without scale and shift. Without `bias` it has no `<name>/beta`. */
export function tokenNorm(make: VariableMaker, name: string, channels: number, { bias = true, epsilon }: TokenNormOptions = {}) {
  const gamma = make.constant(`${name}/gamma`, [channels], 1);
  const beta = bias ? make.constant(`${name}/beta`, [channels], 0) : undefined;
  return <Shape extends Tensor>(x: Shape): Shape => tf.tidy(() => layerNorm(x, gamma, beta, epsilon));
}
