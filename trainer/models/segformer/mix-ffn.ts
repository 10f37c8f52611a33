import { gelu } from '../../engine/ops/activations.ts';
import { depthwiseConv } from '../../engine/ops/depthwise-conv.ts';
import { biasAdd } from '../../engine/ops/linear.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convolution } from '../layers/convolution.ts';
import { dense } from '../layers/dense.ts';
import type { VariableMaker } from '../layers/variables.ts';

/** Width between the two maps, in units of the channels. */
const EXPANSION = 4;

type MixFfn = (x: Tensor4D) => Tensor4D;

/** SegFormer's Mix-FFN: a linear map, a 3×3 convolution in each channel (which tells where a pixel lies), GELU, a linear map back. */
export function trueMixFfn(make: VariableMaker, name: string, channels: number): MixFfn {
  const wide = EXPANSION * channels;
  const widen = dense(make, `${name}/widen`, { from: channels, to: wide });
  const kernel = make.normal(`${name}/depthwise/kernel`, [3, 3, wide, 1], Math.sqrt(2 / 9));
  const bias = make.constant(`${name}/depthwise/bias`, [wide], 0);
  const narrow = dense(make, `${name}/narrow`, { from: wide, to: channels });
  return (x) => tf.tidy(() => narrow(gelu(biasAdd(depthwiseConv(widen(x), kernel), bias))));
}

/** The original's: two whole 3×3 convolutions with GELU between them, where most of its weights are. */
export function publishedMixFfn(make: VariableMaker, name: string, channels: number): MixFfn {
  const wide = EXPANSION * channels;
  const widen = convolution(make, `${name}/widen`, { from: channels, to: wide, gain: 2 });
  const narrow = convolution(make, `${name}/narrow`, { from: wide, to: channels });
  return (x) => tf.tidy(() => narrow(gelu(widen(x))));
}
