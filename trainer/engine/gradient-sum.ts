import { runKernel, typeAttribute } from './kernels.ts';
import { Slots } from './slots.ts';
import { type Tensor, tf } from './tensorflow.ts';
import type { NamedVariable } from './variable-arrays.ts';

const T = [typeAttribute('T')];

/** Gradients gathered over several batches, as variables, so that a checkpoint between two moves loses nothing. */
export type GradientSum = {
  /** Adds its share of one batch's gradients; returns the sums so far. */
  add(gradients: readonly Tensor[]): Tensor[];
  clear(): void;
  readonly slots: readonly NamedVariable[];
  dispose(): void;
};

/** Sums over `batches` batches that together make the mean of their gradients. */
export function gradientSum(variables: readonly NamedVariable[], batches: number): GradientSum {
  const slots = new Slots();
  const sums = variables.map((named) => slots.zeros('gradient', named));
  return {
    slots: slots.all,
    add: (gradients) => {
      const share = tf.scalar(1 / batches);
      for (const [index, sum] of sums.entries()) {
        tf.tidy(() => sum.assign(runKernel('AddV2', T, [sum, runKernel('Mul', T, [gradients[index] as Tensor, share])])));
      }
      return sums.map((sum) => tf.clone(sum));
    },
    clear: () => {
      for (const sum of sums) tf.tidy(() => sum.assign(tf.fill(sum.shape, 0)));
    },
    dispose: () => slots.dispose(),
  };
}
