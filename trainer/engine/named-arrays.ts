/** One array of numbers as it leaves the engine: row-major values and their shape (an empty shape is a single number). */
export type NamedArray = { readonly shape: readonly number[]; readonly data: Float32Array };

/**
 * The state of a model or a training step by name: `model/<variable>` for weights and moving averages, `optimizer/<slot>` for what the
 * optimizer remembers. Iteration order is the order of the model's layers.
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
