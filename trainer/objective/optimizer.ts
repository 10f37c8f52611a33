import { type Attribute, runKernel, typeAttribute } from '../engine/kernels.ts';
import { type Scalar, type Tensor, tf, type Variable } from '../engine/tensorflow.ts';
import type { NamedVariable } from '../engine/variable-arrays.ts';

/** An optimizer with its state. */
export type Optimizer = {
  /** Changes the variables by their gradients (in the variables' order). Everything stays on the device. */
  update(gradients: readonly Tensor[], learningRate: Scalar): void;
  /** What it remembers between steps. */
  readonly slots: readonly NamedVariable[];
  dispose(): void;
};

/**
 * Kernels decay (arrays of more than one dimension), biases and scales do not. PyTorch would pull biases and the scales of batch normalisation
 * towards zero too, which is not what weight decay is meant for and is left out by common recipes.
 */
export function decays(shape: readonly number[]): boolean {
  return shape.length > 1;
}

const T: readonly Attribute[] = [typeAttribute('T')];

/** Arithmetic in one kernel each; a scalar may meet an array. */
export const arithmetic = {
  add: (a: Tensor, b: Tensor): Tensor => runKernel('AddV2', T, [a, b]),
  subtract: (a: Tensor, b: Tensor): Tensor => runKernel('Sub', T, [a, b]),
  multiply: (a: Tensor, b: Tensor): Tensor => runKernel('Mul', T, [a, b]),
  divide: (a: Tensor, b: Tensor): Tensor => runKernel('RealDiv', T, [a, b]),
  root: (a: Tensor): Tensor => runKernel('Sqrt', T, [a]),
  square: (a: Tensor): Tensor => runKernel('Square', T, [a]),
  sign: (a: Tensor): Tensor => runKernel('Sign', T, [a]),
} as const;

/** PyTorch's L2 penalty: the gradient of a kernel with `decay` times the kernel added to it. */
export function withPenalty(gradient: Tensor, variable: Variable, decay: number): Tensor {
  if (decay === 0 || !decays(variable.shape)) return gradient;
  return arithmetic.add(gradient, arithmetic.multiply(variable, tf.scalar(decay)));
}
