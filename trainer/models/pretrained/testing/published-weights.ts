import type { NamedArrays } from '../../../engine/named-arrays.ts';
import { readVariables } from '../../../engine/variables.ts';
import type { Model } from '../../model.ts';
import { type ModuleName, pytorchKey } from '../pytorch-arrays.ts';

/** The current values of the variables that a publisher knows, under its keys and in PyTorch's shapes. The order of values is ours. */
export function publishedWeights(model: Model, moduleName: ModuleName): NamedArrays {
  const arrays: NamedArrays = new Map();
  for (const [name, { shape, data }] of readVariables(model.variables)) {
    const key = pytorchKey(name, moduleName);
    const [height = 0, width = 0, from = 0, to = 0] = shape;
    const convolution = to === 1 && height > 1 ? [from, 1, height, width] : [to, from, height, width];
    if (key !== undefined) arrays.set(key, { shape: shape.length === 4 ? convolution : [...shape].reverse(), data });
  }
  return arrays;
}
