import { attention } from '../../engine/ops/attention.ts';
import { depthwiseConv } from '../../engine/ops/depthwise-conv.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { dense } from '../layers/dense.ts';
import { joinHeads, splitHeads } from '../layers/heads-of-tokens.ts';
import type { VariableMaker } from '../layers/variables.ts';
import { starReluLayer } from './star-relu-layer.ts';

/** How a MetaFormer block lets pixels see each other; size and channels stay. */
export type TokenMixer = (x: Tensor4D) => Tensor4D;

const KERNEL = 7;

/** Inverted separable convolution: to twice the channels, StarReLU, 7×7 in each channel, and back. Nothing has a bias. */
export function separableMixer(make: VariableMaker, name: string, channels: number): TokenMixer {
  const wide = 2 * channels;
  const widen = dense(make, `${name}/widen`, { from: channels, to: wide, bias: false });
  const activate = starReluLayer(make, `${name}/activation`);
  const kernel = make.normal(`${name}/depthwise/kernel`, [KERNEL, KERNEL, wide, 1], 1 / KERNEL);
  const narrow = dense(make, `${name}/narrow`, { from: wide, to: channels, bias: false });
  return (x) => tf.tidy(() => narrow(depthwiseConv(activate(widen(x)), kernel)));
}

/** Self-attention over all pixels of the map. Nothing has a bias. */
export function attentionMixer(make: VariableMaker, name: string, channels: number, heads: number): TokenMixer {
  const project = dense(make, `${name}/qkv`, { from: channels, to: 3 * channels, bias: false });
  const merge = dense(make, `${name}/merge`, { from: channels, to: channels, bias: false });
  return (x) =>
    tf.tidy(() => {
      const [, height, width] = x.shape;
      const [q, k, v] = tf.split(project(x), 3, 3).map((part) => splitHeads(part, heads)) as [Tensor4D, Tensor4D, Tensor4D];
      return merge(joinHeads(attention(q, k, v), height, width));
    });
}
