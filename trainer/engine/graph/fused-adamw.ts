/**
 * AdamW as one kernel a variable. The update of objective/adamw.ts reads and writes each array some thirteen times; TensorFlow's
 * ResourceApplyAdam does the same in one pass and in place.
 */
import { BETA1, BETA2, decays, EPSILON } from '../../objective/adamw.ts';
import type { NamedVariable } from '../variable-arrays.ts';
import type { WriteUpdates } from './compile.ts';
import { attribute, DATA_TYPE } from './graph-definition.ts';

/** Under this name, followed by a variable's, a program hands over its gradients. */
export const GRADIENT = 'gradient/';

const T = { T: attribute.type(DATA_TYPE.float32) };

/**
 * Writes the update of `trainable` (named as in the model) from the program's results `gradient/<name>` and its input `learningRate`. The
 * kernel computes rate·√(1−β₂ᵗ)/(1−β₁ᵗ)·m/(√v + ε); PyTorch's ε stands beside the corrected √v̂, so ε·√(1−β₂ᵗ) is what the kernel is given.
 */
export function fusedAdamW(trainable: readonly NamedVariable[], weightDecay: number): WriteUpdates {
  return (stateful, reference, variable) => {
    const { graph } = stateful;
    const rate = reference('learningRate');
    const [one, beta1, beta2] = [graph.float(1), graph.float(BETA1), graph.float(BETA2)];
    const multiply = (a: string, b: string): string => graph.add('Mul', [a, b], T);
    const subtract = (a: string, b: string): string => graph.add('Sub', [a, b], T);
    const states = [variable('optimizer/beta1Power'), variable('optimizer/beta2Power')] as const;
    const [power1, power2] = [multiply(states[0].read, beta1), multiply(states[1].read, beta2)];
    const epsilon = multiply(graph.float(EPSILON), graph.add('Sqrt', [subtract(one, power2)], T));
    const keep = weightDecay > 0 ? subtract(one, multiply(rate, graph.float(weightDecay))) : undefined;

    const updates = trainable.map(({ name, variable: { shape } }) => {
      const weights = variable(`model/${name}`);
      // Whoever reads the weights in this run reads them before they move.
      const before = [`^${weights.read}`];
      if (keep !== undefined && decays(shape)) before.push(stateful.assign(weights, multiply(weights.read, keep)));
      const slots = [variable(`optimizer/mean/${name}`).handle, variable(`optimizer/square/${name}`).handle];
      const inputs = [weights.handle, ...slots, power1, power2, rate, beta1, beta2, epsilon, reference(`${GRADIENT}${name}`), ...before];
      const attributes = { ...T, use_locking: attribute.boolean(false), use_nesterov: attribute.boolean(false) };
      return `^${graph.add('ResourceApplyAdam', inputs, attributes)}`;
    });
    return [...updates, stateful.assign(states[0], power1), stateful.assign(states[1], power2)];
  };
}
