import { booleanAttribute, runKernel, typeAttribute, withGradient } from '../kernels.ts';
import { type Tensor, type Tensor4D, tf } from '../tensorflow.ts';
import { type DropoutChoice, keptFactors } from './dropout.ts';

const product = (transposeA: boolean, transposeB: boolean) => [
  typeAttribute('T'),
  booleanAttribute('adj_x', transposeA),
  booleanAttribute('adj_y', transposeB),
];
const PLAIN = product(false, false);
const BY_TRANSPOSED = product(false, true);
const TRANSPOSED_BY = product(true, false);
const SOFTMAX = [typeAttribute('T')];

const multiply = (attributes: ReturnType<typeof product>, a: Tensor, b: Tensor): Tensor => runKernel('BatchMatMulV2', attributes, [a, b]);

/**
 * Scaled dot-product attention, softmax(q·kᵀ/√d)·v, of q `[batch, heads, queries, d]` over k and v `[batch, heads, keys, d]`. The softmax
 * is saved for the gradient. The gradient needs the inner product of each softmax row with its own gradient. These products are computed
 * from the output, which is `keys`/d times smaller. With `dropped`, the softmax is multiplied by random zeros (dropout.ts) before v.
 */
export function attention(q: Tensor4D, k: Tensor4D, v: Tensor4D, dropped?: DropoutChoice): Tensor4D {
  const scale = 1 / Math.sqrt(q.shape[3]);
  return withGradient<Tensor4D>([q, k, v], () => {
    const scaled = tf.mul(q, scale);
    const weights = runKernel('Softmax', SOFTMAX, [multiply(BY_TRANSPOSED, scaled, k)]);
    const factors = dropped && keptFactors(weights.shape, dropped);
    const thinned = (shares: Tensor, by: Tensor | undefined): Tensor => (by ? tf.mul(shares, by) : shares);
    const value = multiply(PLAIN, thinned(weights, factors), v) as Tensor4D;
    return {
      value,
      saved: [scaled, k, v, weights, value, ...(factors ? [factors] : [])],
      gradient: (dy, saved) => {
        const [query, key, values, share, result, kept] = saved as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor?];
        const byShare = tf.sub(thinned(multiply(BY_TRANSPOSED, dy, values), kept), tf.sum(tf.mul(dy, result), 3, true));
        const byScore = tf.mul(share, byShare);
        return [
          tf.mul(multiply(PLAIN, byScore, key), scale),
          multiply(TRANSPOSED_BY, byScore, query),
          multiply(TRANSPOSED_BY, thinned(share, kept), dy),
        ];
      },
    };
  });
}
