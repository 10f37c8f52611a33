import { CarpalError } from '@carpal/configs/errors.ts';

/** One array of numbers outside TensorFlow: row-major values and their shape (an empty shape is a single number). */
export type NamedArray = { readonly shape: readonly number[]; readonly data: Float32Array };

/**
 * The state of a model or a training step by name: `model/<variable>` for weights and moving averages, `optimizer/<slot>` for all other
 * state of a step. Iteration follows the order of the model's layers.
 */
export type NamedArrays = Map<string, NamedArray>;

/** Number of values that an array of this shape holds. */
export function valueCount(shape: readonly number[]): number {
  return shape.reduce((count, extent) => count * extent, 1);
}

/** The arrays whose name begins with `prefix`, under their full names. */
export function withPrefix(arrays: NamedArrays, prefix: string): NamedArrays {
  return new Map([...arrays].filter(([name]) => name.startsWith(prefix)));
}

/** The first value that is NaN or infinite: the name of its array, its index and the value itself. Undefined when all values are finite. */
export function firstNotFinite(arrays: NamedArrays): { readonly name: string; readonly at: number; readonly value: number } | undefined {
  for (const [name, { data }] of arrays) {
    // A finite value times 0 is 0, and any other value times 0 is NaN. A sum needs no function call per value, and there are tens of
    // millions of values.
    let sum = 0;
    for (let i = 0; i < data.length; i++) sum += (data[i] as number) * 0;
    if (sum === 0) continue;
    const at = data.findIndex((value) => !Number.isFinite(value));
    return { name, at, value: data[at] as number };
  }
  return undefined;
}

/**
 * Throws `weights-invalid` with the array and the index of the first value that is NaN or infinite. One such value makes every output of a
 * network NaN, and masks of NaN are empty without any error. `where` is the file, for the message.
 */
export function checkFinite(arrays: NamedArrays, where: string): void {
  const found = firstNotFinite(arrays);
  if (found === undefined) return;
  const fix = 'Use weights from a training that did not diverge.';
  throw new CarpalError('weights-invalid', `${found.name} holds ${found.value} at index ${found.at}`, { where, fix });
}
