import type { UpdateNodes } from '../engine/graph/update-nodes.ts';
import { type KernelAttribute, runKernel, typeAttribute } from '../engine/kernels.ts';
import { type Scalar, type Tensor, tf, type Variable } from '../engine/tensorflow.ts';
import type { NamedVariable } from '../engine/variables.ts';
import type { LearningRates } from './learning-rates.ts';

/** An update by tensor operations, which are recorded with the rest of the step. */
export type RecordedUpdate = {
  readonly kind: 'recorded';
  /** Changes the variables by their gradients, which are in the variables' order. */
  update(gradients: readonly Tensor[], rates: LearningRates<Scalar>): void;
};

/** An update by TensorFlow's own optimizer kernels, one per variable, in place. Only a graph can run them. */
export type FusedUpdate = {
  readonly kind: 'fused';
  /**
   * Writes the update of a program that returns the gradients and has the input `learningRate`, with factors also `factoredRate`. Returns
   * the control references.
   */
  write(nodes: UpdateNodes): string[];
};

/** An optimizer of some variables, with its state. */
export type Optimizer = (RecordedUpdate | FusedUpdate) & {
  /** The state that it keeps between steps. */
  readonly slots: readonly NamedVariable[];
  dispose(): void;
};

/**
 * Whether weight decay applies to an array of this shape: to kernels (more than one dimension), not to biases and scales. PyTorch would
 * also pull biases and the scales of batch normalisation towards zero. Weight decay is not meant for them, and common recipes leave them
 * out.
 */
export function decays(shape: readonly number[]): boolean {
  return shape.length > 1;
}

const T: readonly KernelAttribute[] = [typeAttribute('T')];

/** Arithmetic operations of one kernel each. A scalar broadcasts over an array. */
export const arithmetic = {
  add: (a: Tensor, b: Tensor): Tensor => runKernel('AddV2', T, [a, b]),
  subtract: (a: Tensor, b: Tensor): Tensor => runKernel('Sub', T, [a, b]),
  multiply: (a: Tensor, b: Tensor): Tensor => runKernel('Mul', T, [a, b]),
  divide: (a: Tensor, b: Tensor): Tensor => runKernel('RealDiv', T, [a, b]),
  root: (a: Tensor): Tensor => runKernel('Sqrt', T, [a]),
  square: (a: Tensor): Tensor => runKernel('Square', T, [a]),
  sign: (a: Tensor): Tensor => runKernel('Sign', T, [a]),
} as const;

/** PyTorch's L2 penalty: the gradient of a kernel plus `decay` times the kernel. */
export function withPenalty(gradient: Tensor, variable: Variable, decay: number): Tensor {
  if (decay === 0 || !decays(variable.shape)) return gradient;
  return arithmetic.add(gradient, arithmetic.multiply(variable, tf.scalar(decay)));
}

/** The Euclidean norm of all gradients together. */
export function globalNorm(gradients: readonly Tensor[]): Scalar {
  return tf.tidy(() => {
    // L2Loss is half the sum of squares, in one kernel.
    const halves = gradients.map((gradient) => runKernel('L2Loss', T, [gradient]));
    return tf.sqrt(tf.mul(tf.addN(halves), 2)) as Scalar;
  });
}

/** The gradients, scaled down together to a norm of at most `limit` (PyTorch's clip_grad_norm_, with its 1e-6 against a norm of zero). */
export function clipGradients(gradients: readonly Tensor[], limit: number): Tensor[] {
  const scale = tf.minimum(tf.div(limit, tf.add(globalNorm(gradients), 1e-6)), 1);
  return gradients.map((gradient) => runKernel('Mul', T, [gradient, scale]));
}
