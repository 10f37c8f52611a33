import { relu } from '../../engine/ops/activations.ts';
import { batchNorm } from '../../engine/ops/batch-norm.ts';
import { tf } from '../../engine/tensorflow.ts';
import { batchNormVariables } from '../layers/batch-norm-variables.ts';
import type { Layer } from '../layers/conv-norm-relu.ts';
import { convolution } from '../layers/convolution.ts';
import type { VariableMaker } from '../layers/variables.ts';

type Options = {
  readonly from: number;
  readonly to: number;
  readonly size?: number | readonly [number, number];
  readonly dilation?: number;
};

/** Convolution with bias, ReLU, batch normalisation: the order of DUCK-Net and RAPUNet, where others normalise before ReLU. */
export function convReluNorm(make: VariableMaker, name: string, options: Options): Layer {
  const convolve = convolution(make, name, { ...options, gain: 2 });
  const norm = batchNormVariables(make, `${name}/norm`, options.to);
  return (x, training) => tf.tidy(() => batchNorm(relu(convolve(x)), norm, training));
}
