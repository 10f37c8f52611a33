import type { NamedVariable } from '../engine/variables.ts';
import { createAdam, createSgd } from './fused-optimizers.ts';
import type { Optimizer } from './optimizer.ts';
import { createLion, createRmsProp } from './recorded-optimizers.ts';

/** Options of all optimizers; each reads its own. */
export type OptimizerOptions = {
  readonly beta1?: number | undefined;
  readonly beta2?: number | undefined;
  readonly momentum?: number | undefined;
  readonly nesterov?: boolean | undefined;
  readonly smoothing?: number | undefined;
};

/** An experiment's `optimizer`, without the learning rate: each step gets its own from the schedule. */
export type OptimizerSettings = {
  readonly name: 'AdamW' | 'Adam' | 'SGD' | 'RMSprop' | 'Lion';
  readonly weightDecay: number;
  readonly options?: OptimizerOptions;
};

/** The named optimizer of these variables, in its initial state. Defaults are PyTorch's, except for SGD: Nesterov momentum of 0.9. */
export function createOptimizer(variables: readonly NamedVariable[], settings: OptimizerSettings): Optimizer {
  const { name, weightDecay, options = {} } = settings;
  const { beta1 = 0.9, beta2, momentum, nesterov = true, smoothing = 0.99 } = options;
  if (name === 'AdamW' || name === 'Adam') {
    return createAdam(variables, { weightDecay, decoupled: name === 'AdamW', beta1, beta2: beta2 ?? 0.999 });
  }
  if (name === 'SGD') return createSgd(variables, { weightDecay, momentum: momentum ?? 0.9, nesterov });
  if (name === 'RMSprop') return createRmsProp(variables, { weightDecay, smoothing, momentum: momentum ?? 0 });
  return createLion(variables, { weightDecay, beta1, beta2: beta2 ?? 0.99 });
}
