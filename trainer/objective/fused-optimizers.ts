/** The optimizers that TensorFlow has a kernel for: one kernel per variable, in place. */
import { attribute } from '../engine/graph/graph-definition.ts';
import { T, type UpdateNodes } from '../engine/graph/update-nodes.ts';
import { tf } from '../engine/tensorflow.ts';
import { type NamedVariable, SlotVariables } from '../engine/variables.ts';
import { type RateFactors, ratesOf } from './learning-rates.ts';
import { decays, type Optimizer } from './optimizer.ts';

/** PyTorch's default. */
const EPSILON = 1e-8;

/** The references of the variables' learning rates, in their order; 0 in a skipped step. */
function rateReferences(nodes: UpdateNodes, variables: readonly NamedVariable[], factors: RateFactors): string[] {
  const given = (name: string): string => nodes.whenFinite(nodes.value(name), nodes.float(0));
  const rates = { learningRate: given('learningRate'), factored: factors.size > 0 ? given('factoredRate') : undefined };
  return ratesOf(variables, factors, rates, (rate, factor) => nodes.multiply(rate, nodes.float(factor)));
}

export type AdamSettings = {
  readonly weightDecay: number;
  readonly rateFactors: RateFactors;
  /** Decay the weights directly (AdamW) instead of through the gradient (Adam). */
  readonly decoupled: boolean;
  readonly beta1: number;
  readonly beta2: number;
};

/**
 * Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019) with PyTorch's update: p ← p − rate·m̂ / (√v̂ + 1e-8), where m̂ and v̂ are
 * the means corrected for their start at zero. AdamW first shrinks kernels by rate·decay; Adam adds decay·p to their gradients.
 *
 * ResourceApplyAdam reads and writes each array once. It computes rate·√(1−β₂ᵗ)/(1−β₁ᵗ)·m/(√v + ε). PyTorch adds ε to the corrected √v̂, so
 * the kernel gets ε·√(1−β₂ᵗ). The powers β₁ᵗ and β₂ᵗ are slots, like the means.
 *
 * In a skipped step the rate is 0, both β are 1 and the gradient is 0, so the kernel adds zeros to everything. The kernel still gets the
 * powers of the next step: with the initial powers, which are 1, it would divide by zero.
 */
export function createAdam(variables: readonly NamedVariable[], settings: AdamSettings): Optimizer {
  const { weightDecay, rateFactors, decoupled } = settings;
  const slots = new SlotVariables();
  slots.add('beta1Power', tf.scalar(1));
  slots.add('beta2Power', tf.scalar(1));
  for (const variable of variables) {
    slots.zeros('mean', variable);
    slots.zeros('square', variable);
  }
  return {
    kind: 'fused',
    write: (nodes) => {
      const [zero, one, beta1, beta2] = [nodes.float(0), nodes.float(1), nodes.float(settings.beta1), nodes.float(settings.beta2)];
      const rates = rateReferences(nodes, variables, rateFactors);
      const [kept1, kept2] = [nodes.whenFinite(beta1, one), nodes.whenFinite(beta2, one)];
      const states = [nodes.variable('optimizer/beta1Power'), nodes.variable('optimizer/beta2Power')] as const;
      const [power1, power2] = [nodes.multiply(states[0].read, beta1), nodes.multiply(states[1].read, beta2)];
      const epsilon = nodes.multiply(nodes.float(EPSILON), nodes.graph.add('Sqrt', [nodes.subtract(one, power2)], T));
      const decay = nodes.whenFinite(nodes.float(weightDecay), zero);
      const keeps = new Map([...new Set(rates)].map((rate) => [rate, nodes.subtract(one, nodes.multiply(rate, decay))]));

      const updates = variables.map((named, index) => {
        const rate = rates[index] as string;
        const weights = nodes.variable(`model/${named.name}`);
        const means = [nodes.variable(`optimizer/mean/${named.name}`).handle, nodes.variable(`optimizer/square/${named.name}`).handle];
        // All reads of the weights in this run come before the update.
        const before = [`^${weights.read}`];
        let gradient = nodes.gradient(named);
        if (weightDecay > 0 && decays(weights.shape)) {
          if (decoupled) before.push(nodes.assign(weights, nodes.multiply(weights.read, keeps.get(rate) as string)));
          else gradient = nodes.add(gradient, nodes.multiply(weights.read, decay));
        }
        const inputs = [weights.handle, ...means, power1, power2, rate, kept1, kept2, epsilon, gradient, ...before];
        const attributes = { ...T, use_locking: attribute.boolean(false), use_nesterov: attribute.boolean(false) };
        return `^${nodes.graph.add('ResourceApplyAdam', inputs, attributes)}`;
      });
      const powers = [nodes.whenFinite(power1, states[0].read), nodes.whenFinite(power2, states[1].read)] as const;
      return [...updates, nodes.assign(states[0], powers[0]), nodes.assign(states[1], powers[1])];
    },
    slots: slots.all,
    dispose: () => slots.dispose(),
  };
}

export type SgdSettings = {
  readonly weightDecay: number;
  readonly rateFactors: RateFactors;
  readonly momentum: number;
  readonly nesterov: boolean;
};

/**
 * Stochastic gradient descent with PyTorch's momentum: a ← momentum·a + g, p ← p − rate·a. Nesterov's form replaces a by g + momentum·a in
 * the second formula. The rate is not part of a, so a new rate takes effect immediately. Weight decay is added to the gradients of kernels.
 * Without momentum there is no slot.
 *
 * ResourceApplyMomentum accumulates the same sum as PyTorch (ResourceApplyKerasMomentum would include the rate). Without momentum,
 * ResourceApplyGradientDescent is enough. In a skipped step the rate and the gradient are 0 and momentum is 1.
 */
export function createSgd(variables: readonly NamedVariable[], settings: SgdSettings): Optimizer {
  const { weightDecay, rateFactors, momentum, nesterov } = settings;
  const slots = new SlotVariables();
  if (momentum > 0) for (const variable of variables) slots.zeros('momentum', variable);
  return {
    kind: 'fused',
    write: (nodes) => {
      const [zero, one] = [nodes.float(0), nodes.float(1)];
      const rates = rateReferences(nodes, variables, rateFactors);
      const kept = nodes.whenFinite(nodes.float(momentum), one);
      const decay = nodes.whenFinite(nodes.float(weightDecay), zero);
      return variables.map((named, index) => {
        const rate = rates[index] as string;
        const weights = nodes.variable(`model/${named.name}`);
        // All reads of the weights in this run come before the update.
        const before = `^${weights.read}`;
        let gradient = nodes.gradient(named);
        if (weightDecay > 0 && decays(weights.shape)) gradient = nodes.add(gradient, nodes.multiply(weights.read, decay));
        const locking = { ...T, use_locking: attribute.boolean(false) };
        if (momentum === 0) return `^${nodes.graph.add('ResourceApplyGradientDescent', [weights.handle, rate, gradient, before], locking)}`;
        const { handle } = nodes.variable(`optimizer/momentum/${named.name}`);
        const inputs = [weights.handle, handle, rate, gradient, kept, before];
        return `^${nodes.graph.add('ResourceApplyMomentum', inputs, { ...locking, use_nesterov: attribute.boolean(nesterov) })}`;
      });
    },
    slots: slots.all,
    dispose: () => slots.dispose(),
  };
}
