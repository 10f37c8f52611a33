import { relu } from '../../engine/ops/activations.ts';
import { conv2d } from '../../engine/ops/conv2d.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convolution } from './convolution.ts';
import type { VariableMaker } from './variables.ts';

/**
 * Attention over places and over channels side by side, after CBAM (Woo and others 2018), for x `[batch, height, width, channels]`: x weighed by a
 * map that a 5×5 convolution makes of the mean and the largest value at each place, plus x weighed by what two small layers, shared by
 * both, make of each channel's mean and largest value. The two parts are summed.
 *
 * In the network that this is from, the map was added without x ever being weighed by it, and a fusion meant to concatenate summed, which doubled
 * everything; the 2 is left out, since the normalisation that follows takes it out again.
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
