import { valueCount } from '../../engine/named-arrays.ts';
import type { Variable } from '../../engine/tensorflow.ts';
import type { VariableMaker } from './variables.ts';

/** The number of trainable values that a network's layers make, without a byte of memory for them: only their shapes are looked at. */
export function countParameters(layers: (make: VariableMaker) => unknown): number {
  let count = 0;
  const shaped = (trainable: boolean) => (_name: string, shape: readonly number[]) => {
    if (trainable) count += valueCount(shape);
    return { shape: [...shape] } as unknown as Variable;
  };
  layers({ normal: shaped(true), constant: shaped(true), moving: shaped(false) });
  return count;
}
