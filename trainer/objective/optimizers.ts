import type { NamedVariable } from '../engine/variable-arrays.ts';
import { type AdamSettings, createAdam } from './adam.ts';
import { createLion } from './lion.ts';
import type { Optimizer } from './optimizer.ts';
import { createRmsProp } from './rms-prop.ts';
import { createSgd, type SgdSettings } from './sgd.ts';

/** Options of all optimizers; each reads its own. */
export type OptimizerOptions = {
  readonly beta1?: number | undefined;
  readonly beta2?: number | undefined;
  readonly momentum?: number | undefined;
  readonly nesterov?: boolean | undefined;
  readonly smoothing?: number | undefined;
};

/** An experiment's `optimizer`; the learning rate comes with each step, from the schedule. */
export type OptimizerSettings = {
  readonly name: 'AdamW' | 'Adam' | 'SGD' | 'RMSprop' | 'Lion';
  readonly weightDecay: number;
  readonly options?: OptimizerOptions;
};

/** How Adam and AdamW are set, with PyTorch's defaults; undefined for other optimizers. */
export function adamSettings({ name, weightDecay, options = {} }: OptimizerSettings): AdamSettings | undefined {
  if (name !== 'AdamW' && name !== 'Adam') return undefined;
  return { weightDecay, decoupled: name === 'AdamW', beta1: options.beta1 ?? 0.9, beta2: options.beta2 ?? 0.999 };
}

/** How SGD is set; undefined for other optimizers. */
export function sgdSettings({ name, weightDecay, options = {} }: OptimizerSettings): SgdSettings | undefined {
  if (name !== 'SGD') return undefined;
  return { weightDecay, momentum: options.momentum ?? 0.9, nesterov: options.nesterov ?? true };
}

/** The named optimizer over these variables, at its start. */
export function createOptimizer(variables: readonly NamedVariable[], settings: OptimizerSettings): Optimizer {
  const { name, weightDecay, options = {} } = settings;
  const adam = adamSettings(settings);
  if (adam) return createAdam(variables, adam);
  const sgd = sgdSettings(settings);
  if (sgd) return createSgd(variables, sgd);
  if (name === 'RMSprop') {
    return createRmsProp(variables, { weightDecay, smoothing: options.smoothing ?? 0.99, momentum: options.momentum ?? 0 });
  }
  return createLion(variables, { weightDecay, beta1: options.beta1 ?? 0.9, beta2: options.beta2 ?? 0.99 });
}
