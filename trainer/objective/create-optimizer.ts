import type { OptimizerName, OptimizerOptions } from '@carpal/configs/schema/experiment.ts';
import type { NamedVariable } from '../engine/variables.ts';
import { createAdam, createSgd } from './fused-optimizers.ts';
import type { RateFactors } from './learning-rates.ts';
import type { Optimizer } from './optimizer.ts';
import { createLion, createRmsProp } from './recorded-optimizers.ts';

/** An experiment's `optimizer`, without the learning rate: each step gets its own from the schedule. */
export type OptimizerSettings = {
  readonly name: OptimizerName;
  readonly weightDecay: number;
  readonly options?: Readonly<OptimizerOptions>;
  /** Omitted: all variables have the same learning rate. */
  readonly rateFactors?: RateFactors;
};

/**
 * The named optimizer of these variables, in its initial state. Defaults are PyTorch's, except that SGD uses a Nesterov momentum of 0.9.
 */
export function createOptimizer(variables: readonly NamedVariable[], settings: OptimizerSettings): Optimizer {
  const { name, weightDecay, options = {}, rateFactors = new Map() } = settings;
  const { beta1 = 0.9, beta2, momentum, nesterov = true, smoothing = 0.99 } = options;
  if (name === 'AdamW' || name === 'Adam') {
    return createAdam(variables, { weightDecay, rateFactors, decoupled: name === 'AdamW', beta1, beta2: beta2 ?? 0.999 });
  }
  if (name === 'SGD') return createSgd(variables, { weightDecay, rateFactors, momentum: momentum ?? 0.9, nesterov });
  if (name === 'RMSprop') return createRmsProp(variables, { weightDecay, rateFactors, smoothing, momentum: momentum ?? 0 });
  return createLion(variables, { weightDecay, rateFactors, beta1, beta2: beta2 ?? 0.99 });
}
