import { Slots } from '../engine/slots.ts';
import { type Scalar, type Tensor, tf } from '../engine/tensorflow.ts';
import type { NamedVariable } from '../engine/variable-arrays.ts';
import { arithmetic, type Optimizer, withPenalty } from './optimizer.ts';

/** PyTorch's default. */
const EPSILON = 1e-8;

/** `smoothing`: what the mean of squares keeps in a step (PyTorch's alpha). */
export type RmsPropSettings = { readonly weightDecay: number; readonly smoothing: number; readonly momentum: number };

/**
 * RMSprop (Hinton 2012) with PyTorch's update: v ← s·v + (1 − s)·g², d = g / (√v + 1e-8), p ← p − rate·d, or with momentum a ← momentum·a + d,
 * p ← p − rate·a. TensorFlow's own kernel adds epsilon under the root and gathers rate·d, which is another thing where the rate changes, so
 * graphs have this one recorded.
 */
export function createRmsProp(variables: readonly NamedVariable[], { weightDecay, smoothing, momentum }: RmsPropSettings): Optimizer {
  const { add, subtract, multiply, divide, root, square } = arithmetic;
  const slots = new Slots();
  const states = variables.map((named) => ({
    variable: named.variable,
    squares: slots.zeros('square', named),
    gathered: momentum > 0 ? slots.zeros('momentum', named) : undefined,
  }));
  const update = (gradients: readonly Tensor[], learningRate: Scalar): void => {
    const [keep, rest] = [tf.scalar(smoothing), tf.scalar(1 - smoothing)];
    const [share, epsilon] = [tf.scalar(momentum), tf.scalar(EPSILON)];
    for (const [index, { variable, squares, gathered }] of states.entries()) {
      tf.tidy(() => {
        const gradient = withPenalty(gradients[index] as Tensor, variable, weightDecay);
        const next = add(multiply(squares, keep), multiply(square(gradient), rest));
        let direction = divide(gradient, add(root(next), epsilon));
        squares.assign(next);
        if (gathered) {
          direction = add(multiply(gathered, share), direction);
          gathered.assign(direction);
        }
        variable.assign(subtract(variable, multiply(direction, learningRate)));
      });
    }
  };
  return { update, slots: slots.all, dispose: () => slots.dispose() };
}
