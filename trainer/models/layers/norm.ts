import { batchNorm } from '../../engine/ops/batch-norm.ts';
import { batchNormVariables } from './batch-norm-variables.ts';
import type { Layer } from './conv-norm-relu.ts';
import type { VariableMaker } from './variables.ts';

/** Batch normalisation as a layer of its own. */
export function norm(make: VariableMaker, name: string, channels: number): Layer {
  const variables = batchNormVariables(make, name, channels);
  return (x, training) => batchNorm(x, variables, training);
}
