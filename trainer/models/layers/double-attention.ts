import { relu } from '../../engine/ops/activations.ts';
import { conv2d } from '../../engine/ops/conv2d.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convolution } from './convolution.ts';
import type { VariableMaker } from './variables.ts';

/**
 * Spatial and channel attention in parallel, after CBAM (Woo et al. 2018), for x `[batch, height, width, channels]`. Spatial: x times a map
 * that a 5×5 convolution computes from the mean and maximum over channels. Channel: x times weights that two small layers compute from each
 * channel's mean and from its maximum; both use the same layers. The two results are added.
 *
 * The original network added the map without multiplying x by it. One of its fusions added where it should have concatenated, which doubled
 * the result. The factor 2 is left out, because the normalisation that follows cancels it.
 */
export function doubleAttention(
  make: VariableMaker,
  name: string,
  { channels, hidden }: { channels: number; hidden: number },
): (x: Tensor4D) => Tensor4D {
  const toMap = convolution(make, `${name}/place`, { from: 2, to: channels, size: 5 });
  const narrow = make.normal(`${name}/narrow/kernel`, [1, 1, channels, hidden], Math.sqrt(2 / channels));
  const widen = make.normal(`${name}/widen/kernel`, [1, 1, hidden, channels], Math.sqrt(1 / hidden));
  const score = (x: Tensor4D): Tensor4D => conv2d(relu(conv2d(x, narrow)), widen);
  return (x) =>
    tf.tidy(() => {
      const map = tf.sigmoid(toMap(tf.concat4d([tf.mean(x, 3, true), tf.max(x, 3, true)], 3)));
      const weights = tf.sigmoid(tf.add(score(tf.mean(x, [1, 2], true)), score(tf.max(x, [1, 2], true))));
      return tf.mul(x, tf.add(map, weights)) as Tensor4D;
    });
}
