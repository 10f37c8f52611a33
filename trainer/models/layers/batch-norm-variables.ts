import type { VariableMaker } from './variables.ts';

/** The four per-channel arrays of a batch normalisation, beginning as the identity. */
export function batchNormVariables(make: VariableMaker, name: string, channels: number) {
  return {
    gamma: make.constant(`${name}/gamma`, [channels], 1),
    beta: make.constant(`${name}/beta`, [channels], 0),
    movingMean: make.moving(`${name}/movingMean`, [channels], 0),
    movingVariance: make.moving(`${name}/movingVariance`, [channels], 1),
  };
}
