import { type DropoutChoice, dropout } from '../../engine/ops/dropout.ts';
import { type Tensor, type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convolution } from './convolution.ts';
import type { VariableMaker } from './variables.ts';

/** Dropout probability of the classifier's input in training, as in the paper. */
const RATE = 0.5;

/**
 * The classification-guided module of UNet 3+: dropout on the deepest features, a 1×1 convolution to two values (absent, present), and
 * their maximum over the image. Returns the logarithm of the probability that the image contains something to segment, `[batch, 1, 1, 1]`.
 * It is added to the logits of every head, which scales the odds of a mask.
 *
 * The paper multiplies logits by the 0 or 1 of an argmax. That has no gradient, so the masks never train the classifier. Also, a logit of 0
 * means a probability of one half, not zero. The logarithm is smooth, is trained by the losses of the masks, and changes nothing if
 * presence is certain.
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

/** Drops values if a seed is given (a training step), and returns x unchanged otherwise. */
type Dropout = (x: Tensor4D, seed: Tensor | undefined) => Tensor4D;

/** Creates the dropout layers of a network. Each has its own index and therefore its own random numbers. */
export function dropoutMaker(rate: number): () => Dropout {
  const places = dropoutPlaces(rate);
  return () => {
    const choose = places();
    return (x, seed) => {
      const choice = choose(seed);
      return choice ? dropout(x, choice) : x;
    };
  };
}

/** What a place of a network drops in the step of a seed; undefined without a seed. For operations that drop values themselves. */
export type DropoutPlace = (seed: Tensor | undefined) => DropoutChoice | undefined;

/** Numbers the places of a network at which values are dropped. */
export function dropoutPlaces(rate: number): () => DropoutPlace {
  let places = 0;
  return () => {
    const place = places++;
    return (seed) => seed && { rate, seed, place };
  };
}
