import { randomFor } from '@carpal/masks/random.ts';
import { runKernel, TYPE, typeAttribute } from '../../engine/kernels.ts';
import { valueCount } from '../../engine/named-arrays.ts';
import { type Tensor, tf, type Variable } from '../../engine/tensorflow.ts';

/** A weight or a moving average, with the name under which it is saved. */
export type ModelVariable = { readonly name: string; readonly variable: Variable; readonly trainable: boolean };

/** Creates a network's variables. Each has a unique name, and its initial values depend only on the seed and that name. */
export type VariableMaker = {
  /** A trainable array of normally distributed numbers with this standard deviation. */
  normal(name: string, shape: readonly number[], deviation: number): Variable;
  /** A trainable array filled with one value. */
  constant(name: string, shape: readonly number[], value: number): Variable;
  /** A moving average: state without a gradient. */
  moving(name: string, shape: readonly number[], value: number): Variable;
};

const NORMAL = [typeAttribute('T', TYPE.int32), typeAttribute('dtype'), typeAttribute('Tseed', TYPE.int32)];

/** Normally distributed numbers, drawn on the device by Philox counters: the same on every machine, for any number of threads. */
function normals(shape: readonly number[], deviation: number, seed: number, name: string): Tensor {
  return tf.tidy(() => {
    const random = randomFor(seed, 'weights', name);
    const key = tf.tensor1d([random.integer(2 ** 31), random.integer(2 ** 31)], 'int32');
    return tf.mul(runKernel('StatelessRandomNormal', NORMAL, [tf.tensor1d([...shape], 'int32'), key]), deviation);
  });
}

let models = 0;

/** While `withValueLimit` builds a network: how many values its further variables may have, and what was made so far. */
let limit: { left: number; readonly refuse: () => Error; readonly made: Variable[] } | undefined;

/**
 * The result of `build`, whose variables may have at most this number of values together. Throws the error of `refuse` before it allocates
 * the variable that would exceed the number, and disposes of the others. Weights from outside name their network, which must not be larger
 * than they are.
 */
export function withValueLimit<T>(most: number, refuse: () => Error, build: () => T): T {
  const current = { left: most, refuse, made: [] as Variable[] };
  limit = current;
  try {
    return build();
  } catch (error) {
    for (const variable of current.made) variable.dispose();
    throw error;
  } finally {
    limit = undefined;
  }
}

/** Throws if a variable of this shape would exceed the limit. */
function claim(shape: readonly number[]): void {
  if (limit === undefined) return;
  limit.left -= valueCount(shape);
  if (limit.left < 0) throw limit.refuse();
}

/** Collects the variables of one network in `variables`, in order of creation. */
export function variableMaker(seed: number, variables: ModelVariable[]): VariableMaker {
  // tfjs needs names that are unique in the process, which may hold several networks. Saved names do not contain this prefix.
  const scope = `model${models++}`;
  const add = (name: string, shape: readonly number[], initial: () => Tensor, trainable: boolean): Variable => {
    claim(shape);
    const first = initial();
    const variable = tf.variable(first, trainable, `${scope}/${name}`);
    first.dispose();
    limit?.made.push(variable);
    variables.push({ name, variable, trainable });
    return variable;
  };
  return {
    normal: (name, shape, deviation) => add(name, shape, () => normals(shape, deviation, seed, name), true),
    constant: (name, shape, value) => add(name, shape, () => tf.fill([...shape], value), true),
    moving: (name, shape, value) => add(name, shape, () => tf.fill([...shape], value), false),
  };
}
