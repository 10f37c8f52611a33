import { Slots } from '../engine/slots.ts';
import { type Scalar, type Tensor, tf } from '../engine/tensorflow.ts';
import type { NamedVariable } from '../engine/variable-arrays.ts';
import { arithmetic, decays, type Optimizer } from './optimizer.ts';

export type LionSettings = { readonly weightDecay: number; readonly beta1: number; readonly beta2: number };

/**
 * Lion (Chen and others 2023, algorithm 2): p ← p − rate·(sign(β₁·m + (1 − β₁)·g) + decay·p), then m ← β₂·m + (1 − β₂)·g. Every value moves by
 * the whole rate, so rates are a third to a tenth of AdamW's, and decays as much larger. Only kernels decay.
 */
export function createLion(variables: readonly NamedVariable[], { weightDecay, beta1, beta2 }: LionSettings): Optimizer {
  const { add, subtract, multiply, sign } = arithmetic;
  const slots = new Slots();
  const states = variables.map((named) => ({ variable: named.variable, mean: slots.zeros('mean', named) }));
  const update = (gradients: readonly Tensor[], learningRate: Scalar): void => {
    const [rest1, rest2] = [tf.scalar(1 - beta1), tf.scalar(1 - beta2)];
    const keep = subtract(tf.scalar(1), multiply(learningRate, tf.scalar(weightDecay)));
    for (const [index, { variable, mean }] of states.entries()) {
      tf.tidy(() => {
        const apart = subtract(gradients[index] as Tensor, mean);
        const direction = sign(add(mean, multiply(apart, rest1)));
        const shrinks = weightDecay > 0 && decays(variable.shape);
        variable.assign(subtract(shrinks ? multiply(variable, keep) : variable, multiply(direction, learningRate)));
        mean.assign(add(mean, multiply(apart, rest2)));
      });
    }
  };
  return { update, slots: slots.all, dispose: () => slots.dispose() };
}
