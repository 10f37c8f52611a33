import { attention } from '../../engine/ops/attention.ts';
import { linear } from '../../engine/ops/linear.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { dense } from '../layers/dense.ts';
import { joinHeads, splitHeads } from '../layers/heads-of-tokens.ts';
import type { VariableMaker } from '../layers/variables.ts';
import type { AttentionOptions } from './true-attention.ts';

/**
 * The original's self-attention: in each head, `reduction`² keys in raster order (part of a row, where the paper takes a square) become one by
 * a linear map that all heads and the values share.
 */
export function publishedAttention(make: VariableMaker, name: string, { channels, heads, reduction }: AttentionOptions) {
  const same = { from: channels, to: channels };
  const [query, key, value] = [dense(make, `${name}/query`, same), dense(make, `${name}/key`, same), dense(make, `${name}/value`, same)];
  const group = reduction ** 2;
  const size = channels / heads;
  const kernel = make.normal(`${name}/reduce/kernel`, [group * size, size], Math.sqrt(1 / (group * size)));
  const bias = make.constant(`${name}/reduce/bias`, [size], 0);
  const merge = dense(make, `${name}/merge`, same);
  const reduced = (tokens: Tensor4D): Tensor4D => {
    const [batch, , count] = tokens.shape;
    return linear(tf.reshape(tokens, [batch, heads, count / group, group * size]), kernel, bias);
  };
  return (x: Tensor4D): Tensor4D =>
    tf.tidy(() => {
      const [, height, width] = x.shape;
      const [q, k, v] = [query(x), key(x), value(x)].map((part) => splitHeads(part, heads)) as [Tensor4D, Tensor4D, Tensor4D];
      return merge(joinHeads(attention(q, reduced(k), reduced(v)), height, width));
    });
}
