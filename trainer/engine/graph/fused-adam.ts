import { type AdamSettings, EPSILON } from '../../objective/adam.ts';
import { decays } from '../../objective/optimizer.ts';
import type { NamedVariable } from '../variable-arrays.ts';
import { attribute } from './graph-definition.ts';
import { T, type UpdateWriter } from './update-context.ts';

/**
 * Adam and AdamW as one kernel a variable. The update of objective/adam.ts reads and writes each array some thirteen times; TensorFlow's
 * ResourceApplyAdam does the same in one pass and in place. It computes rate·√(1−β₂ᵗ)/(1−β₁ᵗ)·m/(√v + ε); PyTorch's ε stands beside the corrected
 * √v̂, so ε·√(1−β₂ᵗ) is what the kernel is given.
 *
 * In a step that is skipped, with rate 0, both β 1 and a gradient of 0, the kernel adds zeros to everything it holds; the powers it is given are
 * the next ones all the same, since the first ones would make it divide by zero.
 */
export function fusedAdam(trainable: readonly NamedVariable[], settings: AdamSettings): UpdateWriter {
  const { weightDecay, decoupled } = settings;
  return (context, stateful, reference, variable) => {
    const { graph } = stateful;
    const [zero, one, beta1, beta2] = [context.float(0), context.float(1), context.float(settings.beta1), context.float(settings.beta2)];
    const rate = context.whenFinite(reference('learningRate'), zero);
    const [kept1, kept2] = [context.whenFinite(beta1, one), context.whenFinite(beta2, one)];
    const states = [variable('optimizer/beta1Power'), variable('optimizer/beta2Power')] as const;
    const [power1, power2] = [context.multiply(states[0].read, beta1), context.multiply(states[1].read, beta2)];
    const epsilon = context.multiply(context.float(EPSILON), graph.add('Sqrt', [context.subtract(one, power2)], T));
    const decay = context.whenFinite(context.float(weightDecay), zero);
    const keep = context.subtract(one, context.multiply(rate, decay));

    const updates = trainable.map((named) => {
      const weights = variable(`model/${named.name}`);
      const slots = [variable(`optimizer/mean/${named.name}`).handle, variable(`optimizer/square/${named.name}`).handle];
      // Whoever reads the weights in this run reads them before they move.
      const before = [`^${weights.read}`];
      let gradient = context.gradient(named);
      if (weightDecay > 0 && decays(weights.shape)) {
        if (decoupled) before.push(stateful.assign(weights, context.multiply(weights.read, keep)));
        else gradient = context.add(gradient, context.multiply(weights.read, decay));
      }
      const inputs = [weights.handle, ...slots, power1, power2, rate, kept1, kept2, epsilon, gradient, ...before];
      const attributes = { ...T, use_locking: attribute.boolean(false), use_nesterov: attribute.boolean(false) };
      return `^${graph.add('ResourceApplyAdam', inputs, attributes)}`;
    });
    const powers = [context.whenFinite(power1, states[0].read), context.whenFinite(power2, states[1].read)] as const;
    return [...updates, stateful.assign(states[0], powers[0]), stateful.assign(states[1], powers[1])];
  };
}
