import { CarpalError } from '@carpal/configs/errors.ts';
import type { NamedArrays } from './named-arrays.ts';

/** The first value that is NaN or infinite: the array's name, the value's place in it, and the value. Undefined where all are finite. */
export function firstNotFinite(arrays: NamedArrays): { readonly name: string; readonly at: number; readonly value: number } | undefined {
  for (const [name, { data }] of arrays) {
    // A finite value times 0 is 0, any other is NaN, and a sum asks for no call per value: there are tens of millions.
    let sum = 0;
    for (let i = 0; i < data.length; i++) sum += (data[i] as number) * 0;
    if (sum === 0) continue;
    const at = data.findIndex((value) => !Number.isFinite(value));
    return { name, at, value: data[at] as number };
  }
  return undefined;
}

/**
 * Throws `weights-invalid` that names the array and the place of the first value that is NaN or infinite: one of them is enough to make
 * every answer of a network NaN, and a mask of NaN is empty without a word. `where` is the file.
 */
export function checkFinite(arrays: NamedArrays, where: string): void {
  const astray = firstNotFinite(arrays);
  if (astray === undefined) return;
  const fix = 'Give weights of a training that ended well; this one had gone astray.';
  throw new CarpalError('weights-invalid', `${astray.name} holds ${astray.value} at ${astray.at}`, { where, fix });
}
