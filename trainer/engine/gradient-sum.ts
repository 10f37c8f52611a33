import { runKernel, typeAttribute } from './kernels.ts';
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

let sums = 0;

/** Sums over `batches` batches that together make the mean of their gradients. */
export function gradientSum(variables: readonly NamedVariable[], batches: number): GradientSum {
  const scope = `gradients${sums++}`;
  const slots = variables.map(({ name, variable }) => {
    const zero = tf.fill(variable.shape, 0);
    const slot = tf.variable(zero, false, `${scope}/${name}`);
    zero.dispose();
    return { name: `gradient/${name}`, variable: slot };
  });
  return {
    slots,
    add: (gradients) => {
      const share = tf.scalar(1 / batches);
      for (const [index, { variable }] of slots.entries()) {
        tf.tidy(() => variable.assign(runKernel('AddV2', T, [variable, runKernel('Mul', T, [gradients[index] as Tensor, share])])));
      }
      return slots.map(({ variable }) => tf.clone(variable));
    },
    clear: () => {
      for (const { variable } of slots) tf.tidy(() => variable.assign(tf.fill(variable.shape, 0)));
    },
    dispose: () => {
      for (const { variable } of slots) variable.dispose();
    },
  };
}
