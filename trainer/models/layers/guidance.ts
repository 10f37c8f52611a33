import { type Tensor, type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convolution } from './convolution.ts';
import { dropoutMaker } from './dropout.ts';
import type { VariableMaker } from './variables.ts';

/** Probability with which the classifier's input is dropped in training, as in the paper. */
const RATE = 0.5;

/**
 * The classification-guided module of UNet 3+: from the deepest features, dropout, a 1×1 convolution to two values (absent, present) and
 * their largest over the image. Returns the logarithm of the probability that there is anything to segment, `[batch, 1, 1, 1]`, to be
 * added to the logits of every head: a mask's odds are multiplied by it.
 *
 * The paper multiplies logits by the 0 or 1 of an argmax. That has no gradient, so nothing ever teaches the classifier through the masks, and a
 * logit of 0 is a probability of one half, not of none. The logarithm is soft, learns from the same losses as the masks, and with certainty
 * of presence changes nothing.
 */
export function guidance(make: VariableMaker, name: string, from: number): (x: Tensor4D, seed: Tensor | undefined) => Tensor4D {
  const classify = convolution(make, name, { from, to: 2, size: 1 });
  const drop = dropoutMaker(RATE)();
  return (x, seed) =>
    tf.tidy(() => {
      const [absent, present] = tf.split(tf.max(classify(drop(x, seed)), [1, 2], true), 2, 3) as [Tensor4D, Tensor4D];
      return tf.neg(tf.softplus(tf.sub(absent, present))) as Tensor4D;
    });
}
