import { Slots } from '../engine/slots.ts';
import { type Scalar, type Tensor, tf } from '../engine/tensorflow.ts';
import type { NamedVariable } from '../engine/variable-arrays.ts';
import { arithmetic, type Optimizer, withPenalty } from './optimizer.ts';

export type SgdSettings = { readonly weightDecay: number; readonly momentum: number; readonly nesterov: boolean };

/**
 * Stochastic gradient descent with PyTorch's momentum: a ← momentum·a + g, p ← p − rate·a; Nesterov's looks ahead by g + momentum·a. The rate is
 * not part of what is gathered, so a change of it holds at once. Decay is added to the gradients of kernels. Without momentum there is no slot.
 */
export function createSgd(variables: readonly NamedVariable[], { weightDecay, momentum, nesterov }: SgdSettings): Optimizer {
  const { add, subtract, multiply } = arithmetic;
  const slots = new Slots();
  const states = variables.map((named) => ({
    variable: named.variable,
    gathered: momentum > 0 ? slots.zeros('momentum', named) : undefined,
  }));
  const update = (gradients: readonly Tensor[], learningRate: Scalar): void => {
    const share = tf.scalar(momentum);
    for (const [index, { variable, gathered }] of states.entries()) {
      tf.tidy(() => {
        const gradient = withPenalty(gradients[index] as Tensor, variable, weightDecay);
        let direction = gradient;
        if (gathered) {
          const next = add(multiply(gathered, share), gradient);
          direction = nesterov ? add(gradient, multiply(next, share)) : next;
          gathered.assign(next);
        }
        variable.assign(subtract(variable, multiply(direction, learningRate)));
      });
    }
  };
  return { update, slots: slots.all, dispose: () => slots.dispose() };
}
