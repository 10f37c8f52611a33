import { type Attribute, runKernel, typeAttribute } from '../engine/kernels.ts';
import { type Scalar, type Tensor, tf, type Variable } from '../engine/tensorflow.ts';
import type { NamedVariable } from '../engine/variable-arrays.ts';

/** PyTorch's defaults. */
export const BETA1 = 0.9;
export const BETA2 = 0.999;
export const EPSILON = 1e-8;

/** Kernels decay (arrays of more than one dimension), biases and scales do not; see createAdamW. */
export function decays(shape: readonly number[]): boolean {
  return shape.length > 1;
}

/** An optimizer with its state. */
export type Optimizer = {
  /** Changes the variables by their gradients (in the variables' order). Everything stays on the device. */
  update(gradients: readonly Tensor[], learningRate: Scalar): void;
  /** What it remembers between steps. */
  readonly slots: readonly NamedVariable[];
  dispose(): void;
};

const T: readonly Attribute[] = [typeAttribute('T')];
const add = (a: Tensor, b: Tensor): Tensor => runKernel('AddV2', T, [a, b]);
const subtract = (a: Tensor, b: Tensor): Tensor => runKernel('Sub', T, [a, b]);
const multiply = (a: Tensor, b: Tensor): Tensor => runKernel('Mul', T, [a, b]);
const divide = (a: Tensor, b: Tensor): Tensor => runKernel('RealDiv', T, [a, b]);
const root = (a: Tensor): Tensor => runKernel('Sqrt', T, [a]);
const square = (a: Tensor): Tensor => runKernel('Square', T, [a]);

let optimizers = 0;

/**
 * AdamW (Loshchilov & Hutter 2019) with PyTorch's update: p ← p·(1 − rate·decay) − rate·m̂ / (√v̂ + 1e-8), with β₁ 0.9, β₂ 0.999 and both
 * averages corrected for their start at zero.
 *
 * Only kernels (arrays of more than one dimension) decay. PyTorch would pull biases and the scales of batch normalisation towards zero too,
 * which is not what weight decay is meant for and is left out by common recipes.
 *
 * The powers β₁ᵗ and β₂ᵗ are slots like the averages, so that a step depends on tensors only and can be recorded.
 */
export function createAdamW(variables: readonly NamedVariable[], { weightDecay }: { weightDecay: number }): Optimizer {
  const scope = `optimizer${optimizers++}`;
  const slot = (name: string, first: Tensor): Variable => {
    const variable = tf.variable(first, false, `${scope}/${name}`);
    first.dispose();
    slots.push({ name, variable });
    return variable;
  };
  const slots: NamedVariable[] = [];
  const power1 = slot('beta1Power', tf.scalar(1));
  const power2 = slot('beta2Power', tf.scalar(1));
  const states = variables.map(({ name, variable }) => ({
    variable,
    mean: slot(`mean/${name}`, tf.fill(variable.shape, 0)),
    square: slot(`square/${name}`, tf.fill(variable.shape, 0)),
  }));

  const update = (gradients: readonly Tensor[], learningRate: Scalar): void => {
    const [one, beta1, beta2] = [tf.scalar(1), tf.scalar(BETA1), tf.scalar(BETA2)];
    // 1 − β of the rounded β, as TensorFlow's own kernel computes it: the fused update of engine/graph then gives the same numbers.
    const [rest1, rest2] = [tf.scalar(1 - Math.fround(BETA1)), tf.scalar(1 - Math.fround(BETA2))];
    power1.assign(multiply(power1, beta1) as Scalar);
    power2.assign(multiply(power2, beta2) as Scalar);
    // rate·m̂ / (√v̂ + ε) = (rate·√c₂/c₁)·m / (√v + ε·√c₂), where c = 1 − βᵗ: the corrections cost two scalars, not two passes.
    const correction = root(subtract(one, power2));
    const rate = divide(multiply(learningRate, correction), subtract(one, power1));
    const epsilon = multiply(tf.scalar(EPSILON), correction);
    const keep = subtract(one, multiply(learningRate, tf.scalar(weightDecay)));
    for (const [index, state] of states.entries()) {
      const gradient = gradients[index] as Tensor;
      tf.tidy(() => {
        const mean = add(state.mean, multiply(subtract(gradient, state.mean), rest1));
        const squares = add(multiply(state.square, beta2), multiply(square(gradient), rest2));
        const change = divide(multiply(mean, rate), add(root(squares), epsilon));
        const decaying = weightDecay > 0 && decays(state.variable.shape);
        state.variable.assign(subtract(decaying ? multiply(state.variable, keep) : state.variable, change));
        state.mean.assign(mean);
        state.square.assign(squares);
      });
    }
  };

  return {
    update,
    slots,
    dispose: () => {
      for (const { variable } of slots) variable.dispose();
    },
  };
}
