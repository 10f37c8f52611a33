import type { NamedVariable } from '../engine/variable-arrays.ts';
import { createAdamW, type Optimizer } from './adamw.ts';

/** An experiment's `optimizer`; the learning rate comes with each step, from the schedule. */
export type OptimizerSettings = { readonly name: 'AdamW'; readonly weightDecay: number };

const OPTIMIZERS = { AdamW: createAdamW } as const;

/** The named optimizer over these variables, at its start. */
export function createOptimizer(variables: readonly NamedVariable[], settings: OptimizerSettings): Optimizer {
  return OPTIMIZERS[settings.name](variables, settings);
}
