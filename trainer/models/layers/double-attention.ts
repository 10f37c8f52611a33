import { relu } from '../../engine/ops/activations.ts';
import { conv2d } from '../../engine/ops/conv2d.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convolution } from './convolution.ts';
import type { VariableMaker } from './variables.ts';

type Options = {
  readonly channels: number;
  readonly hidden: number;
  /** Whether to compute what the original computes, or what CBAM describes. */
  readonly published: boolean;
};

/**
 * Spatial and channel attention in parallel, after CBAM (Woo et al. 2018), for x `[batch, height, width, channels]`. Spatial: a map that a
 * 5×5 convolution and a sigmoid compute from the mean and the maximum over channels. Channel: a weight for each channel that two small
 * layers (`score`) and a sigmoid compute from the channel's mean and from its maximum. Both forms have the same variables.
 *
 * - `published`: 2·(map + x·σ(score(mean + maximum))). The original adds the map without multiplying x by it. Of its two fusions of map and
 *   channels, one was meant to concatenate, but adds as well, so their sum is twice the fusion.
 * - otherwise: x·(map + σ(score(mean) + score(maximum))), as in CBAM.
 */
export function doubleAttention(make: VariableMaker, name: string, { channels, hidden, published }: Options): (x: Tensor4D) => Tensor4D {
  const toMap = convolution(make, `${name}/place`, { from: 2, to: channels, size: 5 });
  const narrow = make.normal(`${name}/narrow/kernel`, [1, 1, channels, hidden], Math.sqrt(2 / channels));
  const widen = make.normal(`${name}/widen/kernel`, [1, 1, hidden, channels], Math.sqrt(1 / hidden));
  const score = (x: Tensor4D): Tensor4D => conv2d(relu(conv2d(x, narrow)), widen);
  return (x) =>
    tf.tidy(() => {
      const map = tf.sigmoid(toMap(tf.concat4d([tf.mean(x, 3, true), tf.max(x, 3, true)], 3)));
      const [mean, maximum] = [tf.mean(x, [1, 2], true), tf.max(x, [1, 2], true)] as [Tensor4D, Tensor4D];
      if (published) return tf.mul(tf.add(map, tf.mul(x, tf.sigmoid(score(tf.add(mean, maximum))))), 2) as Tensor4D;
      return tf.mul(x, tf.add(map, tf.sigmoid(tf.add(score(mean), score(maximum))))) as Tensor4D;
    });
}
