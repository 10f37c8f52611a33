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
/** Under this name it says whether they are all finite. */
export const FINITE = 'finite';

const T = { T: attribute.type(DATA_TYPE.float32) };

/**
 * Writes the update of `trainable` (named as in the model) from the program's results `gradient/<name>` and its input `learningRate`. The
 * kernel computes rate·√(1−β₂ᵗ)/(1−β₁ᵗ)·m/(√v + ε); PyTorch's ε stands beside the corrected √v̂, so ε·√(1−β₂ᵗ) is what the kernel is given.
 *
 * `skips`: when the program's result `finite` is false, nothing changes. With rate 0, both β 1 and a gradient of 0 the kernel adds zeros to
 * everything it holds; the powers it is given are the next ones all the same, since the first ones would make it divide by zero.
 */
export function fusedAdamW(trainable: readonly NamedVariable[], weightDecay: number, skips = false): WriteUpdates {
  return (stateful, reference, variable) => {
    const { graph } = stateful;
    const whenFinite = (value: string, otherwise: string): string =>
      skips ? graph.add('SelectV2', [reference(FINITE), value, otherwise], T) : value;
    const [zero, one, beta1, beta2] = [graph.float(0), graph.float(1), graph.float(BETA1), graph.float(BETA2)];
    const rate = whenFinite(reference('learningRate'), zero);
    const [kept1, kept2, use] = [whenFinite(beta1, one), whenFinite(beta2, one), whenFinite(one, zero)];
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
      const given = reference(`${GRADIENT}${name}`);
      // MulNoNan: zero times infinity is zero.
      const gradient = skips ? graph.add('MulNoNan', [given, use], T) : given;
      const inputs = [weights.handle, ...slots, power1, power2, rate, kept1, kept2, epsilon, gradient, ...before];
      const attributes = { ...T, use_locking: attribute.boolean(false), use_nesterov: attribute.boolean(false) };
      return `^${graph.add('ResourceApplyAdam', inputs, attributes)}`;
    });
    const powers = [whenFinite(power1, states[0].read), whenFinite(power2, states[1].read)] as const;
    return [...updates, stateful.assign(states[0], powers[0]), stateful.assign(states[1], powers[1])];
  };
}
