import { type Scalar, type Tensor, type Tensor4D, tf } from '../engine/tensorflow.ts';
import { withGradient } from '../engine/with-gradient.ts';
import { bce } from './bce.ts';
import { dice } from './dice.ts';
import type { LossTerm } from './loss-term.ts';

export const LOSSES = { BCE: bce, Dice: dice } as const satisfies Record<string, LossTerm>;

/** One entry of an experiment's `loss`. */
export type WeightedLoss = { readonly name: keyof typeof LOSSES; readonly weight: number };

/** A loss over logits and targets, both `[batch, height, width, classes]`, targets in 0..1. Differentiable by the logits only. */
export type Loss = (logits: Tensor4D, targets: Tensor4D) => Scalar;

/**
 * The weighted sum of losses. The gradient by the logits is computed in the forward pass, where the probabilities are at hand, and is all that
 * is kept for the backward pass.
 */
export function lossOf(losses: readonly WeightedLoss[]): Loss {
  return (logits, targets) =>
    withGradient<Scalar>([logits], () => {
      const [value, gradient] = tf.tidy(() => {
        const terms = evaluate(losses, logits, targets);
        return [sum(terms.map((term) => term.value)), sum(terms.map((term) => term.gradient()))] as [Scalar, Tensor4D];
      });
      return { value, saved: [gradient], gradient: (dy, saved) => [tf.mul(saved[0] as Tensor, dy)] };
    });
}

/** The same sum without a gradient, for validation. */
export function lossValueOf(losses: readonly WeightedLoss[]): Loss {
  return (logits, targets) => tf.tidy(() => sum(evaluate(losses, logits, targets).map((term) => term.value)));
}

function evaluate(losses: readonly WeightedLoss[], logits: Tensor4D, targets: Tensor4D) {
  const input = { logits, targets, probabilities: tf.sigmoid(logits) };
  return losses.map(({ name, weight }) => {
    const { value, gradient } = LOSSES[name](input);
    return { value: tf.mul(value, weight) as Scalar, gradient: () => tf.mul(gradient(), weight) as Tensor4D };
  });
}

function sum<Term extends Tensor>(terms: readonly Term[]): Term {
  return terms.length === 1 ? (terms[0] as Term) : (tf.addN([...terms]) as Term);
}
