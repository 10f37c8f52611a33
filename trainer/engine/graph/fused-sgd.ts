import { decays } from '../../objective/optimizer.ts';
import type { SgdSettings } from '../../objective/sgd.ts';
import type { NamedVariable } from '../variable-arrays.ts';
import { attribute } from './graph-definition.ts';
import { T, type UpdateWriter } from './update-context.ts';

/**
 * SGD as one kernel a variable, in place: ResourceApplyMomentum gathers what PyTorch gathers (ResourceApplyKerasMomentum has the rate in it), and
 * ResourceApplyGradientDescent is what is left without momentum. In a step that is skipped the rate and the gradient are 0 and momentum is 1.
 */
export function fusedSgd(trainable: readonly NamedVariable[], { weightDecay, momentum, nesterov }: SgdSettings): UpdateWriter {
  return (context, { graph }, reference, variable) => {
    const [zero, one] = [context.float(0), context.float(1)];
    const rate = context.whenFinite(reference('learningRate'), zero);
    const kept = context.whenFinite(context.float(momentum), one);
    const decay = context.whenFinite(context.float(weightDecay), zero);
    return trainable.map((named) => {
      const weights = variable(`model/${named.name}`);
      // Whoever reads the weights in this run reads them before they move.
      const before = `^${weights.read}`;
      let gradient = context.gradient(named);
      if (weightDecay > 0 && decays(weights.shape)) gradient = context.add(gradient, context.multiply(weights.read, decay));
      const locking = { ...T, use_locking: attribute.boolean(false) };
      if (momentum === 0) return `^${graph.add('ResourceApplyGradientDescent', [weights.handle, rate, gradient, before], locking)}`;
      const { handle } = variable(`optimizer/momentum/${named.name}`);
      const inputs = [weights.handle, handle, rate, gradient, kept, before];
      return `^${graph.add('ResourceApplyMomentum', inputs, { ...locking, use_nesterov: attribute.boolean(nesterov) })}`;
    });
  };
}
