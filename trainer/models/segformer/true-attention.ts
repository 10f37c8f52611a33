import { attention } from '../../engine/ops/attention.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convolution } from '../layers/convolution.ts';
import { dense } from '../layers/dense.ts';
import { joinHeads, splitHeads } from '../layers/heads-of-tokens.ts';
import { tokenNorm } from '../layers/token-norm.ts';
import type { VariableMaker } from '../layers/variables.ts';

export type AttentionOptions = {
  readonly channels: number;
  readonly heads: number;
  /** Keys and values are taken from a map this many times smaller on each side. */
  readonly reduction: number;
};

/** SegFormer's self-attention: queries of every pixel; keys and values of a map shrunk by a convolution of `reduction` pixels and normalised. */
export function trueAttention(make: VariableMaker, name: string, { channels, heads, reduction }: AttentionOptions) {
  const query = dense(make, `${name}/query`, { from: channels, to: channels });
  const shrink =
    reduction > 1
      ? convolution(make, `${name}/shrink`, { from: channels, to: channels, size: reduction, stride: reduction, padding: 'valid' })
      : undefined;
  const norm = reduction > 1 ? tokenNorm(make, `${name}/norm`, channels) : undefined;
  const both = dense(make, `${name}/keyValue`, { from: channels, to: 2 * channels });
  const merge = dense(make, `${name}/merge`, { from: channels, to: channels });
  return (x: Tensor4D): Tensor4D =>
    tf.tidy(() => {
      const [, height, width] = x.shape;
      const seen = shrink && norm ? norm(shrink(x)) : x;
      const [k, v] = tf.split(both(seen), 2, 3).map((part) => splitHeads(part, heads)) as [Tensor4D, Tensor4D];
      return merge(joinHeads(attention(splitHeads(query(x), heads), k, v), height, width));
    });
}
