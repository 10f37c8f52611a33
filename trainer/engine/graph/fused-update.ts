import { adamSettings, type OptimizerSettings, sgdSettings } from '../../objective/optimizers.ts';
import type { NamedVariable } from '../variable-arrays.ts';
import { fusedAdam } from './fused-adam.ts';
import { fusedSgd } from './fused-sgd.ts';
import type { UpdateWriter } from './update-context.ts';

/**
 * The optimizer's update as TensorFlow's own kernels, from a program's results `gradient/<name>` and its input `learningRate`; `trainable` are
 * named as in the model. Undefined where no kernel computes what PyTorch does (RMSprop, Lion): then the update is recorded like all else.
 */
export function fusedUpdate(trainable: readonly NamedVariable[], settings: OptimizerSettings): UpdateWriter | undefined {
  const adam = adamSettings(settings);
  if (adam) return fusedAdam(trainable, adam);
  const sgd = sgdSettings(settings);
  return sgd ? fusedSgd(trainable, sgd) : undefined;
}
