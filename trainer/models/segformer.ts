import { relu } from '../engine/ops/activations.ts';
import { batchNorm } from '../engine/ops/batch-norm.ts';
import { linear } from '../engine/ops/linear.ts';
import { upsampleBilinear } from '../engine/ops/upsample.ts';
import { type Tensor, type Tensor4D, tf } from '../engine/tensorflow.ts';
import { chooseVariant, defineModel } from './define-model.ts';
import { HEAD_BIAS, head, headDeviation } from './layers/head.ts';
import { batchNormVariables } from './layers/normalization.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import { mixTransformer, SEGFORMER_ROWS, type SegFormerVariant, segFormerShape } from './mix-transformer.ts';
import type { Model, ModelBuild } from './model.ts';

/** The last stage is at 1/32 of the image. */
const SIZE_MULTIPLE = 32;
/** Logits are computed at 1/4 of the image. */
const DECODED_AT = 4;

type Chosen = { readonly variant: SegFormerVariant; readonly divisor: number };

/**
 * SegFormer (Xie et al. 2021): a transformer of four stages and a decoder of linear maps. Logits are computed at 1/4 of the size and
 * interpolated. At 29 classes, with the widths and depths of the paper's table, B0 has 3,721,597 parameters, B1 13,684,701, B2 27,368,925,
 * B3 47,244,765, B4 64,015,325 and B5 84,615,645. At ADE20K's 150 classes B0 has 3,752,694 and B2 27,461,974, like the published weights.
 * There is no stochastic depth, and dropout only in `published`. The encoders of B0 to B5 accept pretrained weights
 * (pretrained/mit-names.ts).
 *
 * `variant: published` is the original's network of the same name with 98,591,197 parameters: B2's depths, widths 64-128-256-512, full
 * convolutions in the Mix-FFN, keys reduced along rows by one linear map for all heads, dropout of a tenth of the attention's scores and of
 * the Mix-FFN's results in training, an epsilon of 1e-5 in layer normalisation, and a decoder without normalisation or activation.
 * `divisor` divides all widths.
 */
export function buildSegFormer({ options, classes, seed }: ModelBuild): Model {
  const chosen: Chosen = { variant: chooseVariant('SegFormer', SEGFORMER_ROWS, options.variant ?? 'B2'), divisor: options.divisor ?? 1 };
  const facts = { name: 'SegFormer', options: chosen, classes, sizeMultiple: SIZE_MULTIPLE, draws: chosen.variant === 'published' };
  return defineModel(facts, (variables) => segFormerLayers(variableMaker(seed, variables), classes, chosen));
}

/** The layers and their variables. */
export function segFormerLayers(make: VariableMaker, classes: number, { variant, divisor }: Chosen) {
  const shape = segFormerShape(variant, divisor);
  const encode = mixTransformer(make, 'encoder', shape, variant === 'published' ? 'published' : 'true');
  const decoder = variant === 'published' ? publishedDecoder : mlpDecoder;
  const decode = decoder(make, 'decoder', { widths: shape.widths, channels: shape.decoder, classes });
  return (images: Tensor4D, training: boolean, seed?: Tensor): readonly Tensor4D[] => {
    return [upsampleBilinear(decode(encode(images, training, seed), training), DECODED_AT)];
  };
}

/** Computes logits at 1/4 of the image from the encoder's maps. */
type Decoder = (maps: readonly Tensor4D[], training: boolean) => Tensor4D;

type Options = { readonly widths: readonly number[]; readonly channels: number; readonly classes: number };

/** Multiplies each map by its matrix, interpolates the results to the size of the first map, and adds them. */
function summed(maps: readonly Tensor4D[], kernels: readonly Tensor[]): Tensor4D {
  const height = maps[0]?.shape[1] ?? 1;
  return tf.addN(maps.map((map, index) => upsampleBilinear(linear(map, kernels[index] as Tensor), height / map.shape[1])));
}

/**
 * SegFormer's decoder: a linear map of each stage to `channels`, all interpolated to 1/4 and concatenated, a 1×1 convolution without bias
 * over them, normalisation, ReLU, and a 1×1 convolution to the classes.
 *
 * Everything before the normalisation is linear. So a stage's map and its share of the convolution are first multiplied into one matrix,
 * and interpolation comes after it. The numbers and gradients are the same, with a tenth of the work. The biases of the linear maps
 * become one offset, which the normalisation cancels.
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

/**
 * The original's decoder: all maps at 1/4 concatenated, a 1×1 convolution to `channels`, and a 1×1 convolution to the classes, with nothing
 * between the two. Both are multiplied into one matrix.
 */
export function publishedDecoder(make: VariableMaker, name: string, { widths, channels, classes }: Options): Decoder {
  const from = widths.reduce((sum, width) => sum + width, 0);
  const joinKernel = make.normal(`${name}/join/kernel`, [from, channels], 1 / Math.sqrt(from));
  const joinBias = make.constant(`${name}/join/bias`, [channels], 0);
  const kernel = make.normal(`${name}/head/kernel`, [channels, classes], headDeviation(channels));
  const bias = make.constant(`${name}/head/bias`, [classes], HEAD_BIAS);
  return (maps) =>
    tf.tidy(() => {
      const kernels = tf.split(linear(joinKernel as Tensor, kernel), [...widths], 0);
      const offset = linear(tf.reshape(joinBias, [1, channels]), kernel, bias);
      return tf.add(summed(maps, kernels), tf.reshape(offset, [classes]));
    });
}
