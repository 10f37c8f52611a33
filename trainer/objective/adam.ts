import { Slots } from '../engine/slots.ts';
import { type Scalar, type Tensor, tf } from '../engine/tensorflow.ts';
import type { NamedVariable } from '../engine/variable-arrays.ts';
import { arithmetic, decays, type Optimizer, withPenalty } from './optimizer.ts';

/** PyTorch's default. */
export const EPSILON = 1e-8;

export type AdamSettings = {
  readonly weightDecay: number;
  /** Decay beside the gradient (AdamW) instead of through it. */
  readonly decoupled: boolean;
  readonly beta1: number;
  readonly beta2: number;
};

/**
 * Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019) with PyTorch's update: p ← p − rate·m̂ / (√v̂ + 1e-8), both averages corrected
 * for their start at zero. AdamW first shrinks kernels by rate·decay; Adam adds decay·p to their gradients.
 *
 * The powers β₁ᵗ and β₂ᵗ are slots like the averages, so that a step depends on tensors only and can be recorded.
 */
export function createAdam(variables: readonly NamedVariable[], settings: AdamSettings): Optimizer {
  const { weightDecay, decoupled } = settings;
  const { add, subtract, multiply, divide, root, square } = arithmetic;
  const slots = new Slots();
  const power1 = slots.add('beta1Power', tf.scalar(1));
  const power2 = slots.add('beta2Power', tf.scalar(1));
  const states = variables.map((named) => ({
    variable: named.variable,
    mean: slots.zeros('mean', named),
    square: slots.zeros('square', named),
  }));

  const update = (gradients: readonly Tensor[], learningRate: Scalar): void => {
    const [one, beta1, beta2] = [tf.scalar(1), tf.scalar(settings.beta1), tf.scalar(settings.beta2)];
    // 1 − β of the rounded β, as TensorFlow's own kernel computes it: the fused update of engine/graph then gives the same numbers.
    const [rest1, rest2] = [tf.scalar(1 - Math.fround(settings.beta1)), tf.scalar(1 - Math.fround(settings.beta2))];
    power1.assign(multiply(power1, beta1) as Scalar);
    power2.assign(multiply(power2, beta2) as Scalar);
    // rate·m̂ / (√v̂ + ε) = (rate·√c₂/c₁)·m / (√v + ε·√c₂), where c = 1 − βᵗ: the corrections cost two scalars, not two passes.
    const correction = root(subtract(one, power2));
    const rate = divide(multiply(learningRate, correction), subtract(one, power1));
    const epsilon = multiply(tf.scalar(EPSILON), correction);
    const keep = subtract(one, multiply(learningRate, tf.scalar(weightDecay)));
    for (const [index, { variable, mean, square: squares }] of states.entries()) {
      tf.tidy(() => {
        const gradient = withPenalty(gradients[index] as Tensor, variable, decoupled ? 0 : weightDecay);
        const nextMean = add(mean, multiply(subtract(gradient, mean), rest1));
        const nextSquares = add(multiply(squares, beta2), multiply(square(gradient), rest2));
        const change = divide(multiply(nextMean, rate), add(root(nextSquares), epsilon));
        const shrinks = decoupled && weightDecay > 0 && decays(variable.shape);
        variable.assign(subtract(shrinks ? multiply(variable, keep) : variable, change));
        mean.assign(nextMean);
        squares.assign(nextSquares);
      });
    }
  };
  return { update, slots: slots.all, dispose: () => slots.dispose() };
}
