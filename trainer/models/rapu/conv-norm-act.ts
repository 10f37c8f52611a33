import { relu } from '../../engine/ops/activations.ts';
import { batchNorm } from '../../engine/ops/batch-norm.ts';
import { tf } from '../../engine/tensorflow.ts';
import { batchNormVariables } from '../layers/batch-norm-variables.ts';
import type { Layer } from '../layers/conv-norm-relu.ts';
import { convolution } from '../layers/convolution.ts';
import type { VariableMaker } from '../layers/variables.ts';

type Options = { readonly from: number; readonly to: number; readonly size: number };

/** Convolution without bias by a kernel of any size, normalisation, ReLU. */
export function convNormAct(make: VariableMaker, name: string, { from, to, size }: Options): Layer {
  const convolve = convolution(make, name, { from, to, size, bias: false, gain: 2 });
  const norm = batchNormVariables(make, `${name}/norm`, to);
  return (x, training) => tf.tidy(() => relu(batchNorm(convolve(x), norm, training)));
}
