import { relu } from '../../engine/ops/activations.ts';
import { batchNorm } from '../../engine/ops/batch-norm.ts';
import { linear } from '../../engine/ops/linear.ts';
import { upsampleBilinear } from '../../engine/ops/upsample.ts';
import { type Tensor, type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { batchNormVariables } from '../layers/batch-norm-variables.ts';
import { head, PRIOR_LOG_ODDS } from '../layers/head.ts';
import type { VariableMaker } from '../layers/variables.ts';

/** From the encoder's maps to logits at 1/4 of the image. */
type Decoder = (maps: readonly Tensor4D[], training: boolean) => Tensor4D;

type Options = { readonly widths: readonly number[]; readonly channels: number; readonly classes: number };

/** Each map times its matrix, interpolated to the size of the first map, all added. */
function summed(maps: readonly Tensor4D[], kernels: readonly Tensor[]): Tensor4D {
  const height = maps[0]?.shape[1] ?? 1;
  return tf.addN(maps.map((map, index) => upsampleBilinear(linear(map, kernels[index] as Tensor), height / map.shape[1])));
}

/**
 * SegFormer's decoder: a linear map of each stage to `channels`, all interpolated to 1/4 and set side by side, a 1×1 convolution without bias
 * over them, normalisation, ReLU, a 1×1 convolution to the classes.
 *
 * What stands before the normalisation is linear, so a stage's map and its share of the convolution are multiplied into one matrix first, and
 * interpolation comes after it: the same numbers and gradients at a tenth of the work. The biases of the linear maps come out as one offset, which
 * normalisation takes away again.
 */
export function mlpDecoder(make: VariableMaker, name: string, { widths, channels, classes }: Options): Decoder {
  const projections = widths.map((width, index) => ({
    kernel: make.normal(`${name}/stage${index + 1}/kernel`, [width, channels], 1 / Math.sqrt(width)),
    bias: make.constant(`${name}/stage${index + 1}/bias`, [channels], 0),
  }));
  const fuse = make.normal(`${name}/fuse/kernel`, [widths.length * channels, channels], Math.sqrt(2 / (widths.length * channels)));
  const norm = batchNormVariables(make, `${name}/fuse/norm`, channels);
  const answer = head(make, `${name}/head`, channels, classes);
  return (maps, training) =>
    tf.tidy(() => {
      // The deepest stage's share comes first, as in published weights.
      const shares = tf.split(fuse, widths.length, 0).reverse();
      const kernels = projections.map(({ kernel }, index) => linear(kernel as Tensor, shares[index] as Tensor));
      const offsets = projections.map(({ bias }, index) => linear(tf.reshape(bias, [1, channels]), shares[index] as Tensor));
      const offset = tf.reshape(tf.addN(offsets), [channels]);
      return answer(relu(batchNorm(summed(maps, kernels), { ...norm, offset }, training)));
    });
}

/** The original's decoder: all maps at 1/4 side by side, 1×1 to `channels`, 1×1 to the classes, nothing between; multiplied into one as well. */
export function publishedDecoder(make: VariableMaker, name: string, { widths, channels, classes }: Options): Decoder {
  const from = widths.reduce((sum, width) => sum + width, 0);
  const joinKernel = make.normal(`${name}/join/kernel`, [from, channels], 1 / Math.sqrt(from));
  const joinBias = make.constant(`${name}/join/bias`, [channels], 0);
  const kernel = make.normal(`${name}/head/kernel`, [channels, classes], 0.1 / Math.sqrt(channels));
  const bias = make.constant(`${name}/head/bias`, [classes], PRIOR_LOG_ODDS);
  return (maps) =>
    tf.tidy(() => {
      const kernels = tf.split(linear(joinKernel as Tensor, kernel), [...widths], 0);
      const offset = linear(tf.reshape(joinBias, [1, channels]), kernel, bias);
      return tf.add(summed(maps, kernels), tf.reshape(offset, [classes]));
    });
}
