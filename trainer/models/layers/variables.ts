import { randomFor } from '@carpal/masks/random.ts';
import { runKernel, TYPE, typeAttribute } from '../../engine/kernels.ts';
import { type Tensor, tf, type Variable } from '../../engine/tensorflow.ts';

/** A weight or a moving average, with the name under which it is saved. */
export type ModelVariable = { readonly name: string; readonly variable: Variable; readonly trainable: boolean };

/** Makes a network's variables; each gets a name of its own, and its first values depend on nothing but the seed and that name. */
export type VariableMaker = {
  /** A trainable array of normal numbers with this standard deviation. */
  normal(name: string, shape: readonly number[], deviation: number): Variable;
  /** A trainable array of one value. */
  constant(name: string, shape: readonly number[], value: number): Variable;
  /** A moving average: state that no gradient reaches. */
  moving(name: string, shape: readonly number[], value: number): Variable;
};

const NORMAL = [typeAttribute('T', TYPE.int32), typeAttribute('dtype'), typeAttribute('Tseed', TYPE.int32)];

/** Normal numbers drawn on the device by Philox counters: the same on every machine, however many threads draw them. */
function normals(shape: readonly number[], deviation: number, seed: number, name: string): Tensor {
  return tf.tidy(() => {
    const random = randomFor(seed, 'weights', name);
    const key = tf.tensor1d([random.integer(2 ** 31), random.integer(2 ** 31)], 'int32');
    return tf.mul(runKernel('StatelessRandomNormal', NORMAL, [tf.tensor1d([...shape], 'int32'), key]), deviation);
  });
}

let models = 0;

/** Collects the variables of one network in `variables`, in the order in which they are made. */
export function variableMaker(seed: number, variables: ModelVariable[]): VariableMaker {
  // tfjs wants names that are unique in the process, where several networks may live; saved names know nothing of it.
  const scope = `model${models++}`;
  const add = (name: string, first: Tensor, trainable: boolean): Variable => {
    const variable = tf.variable(first, trainable, `${scope}/${name}`);
    first.dispose();
    variables.push({ name, variable, trainable });
    return variable;
  };
  return {
    normal: (name, shape, deviation) => add(name, normals(shape, deviation, seed, name), true),
    constant: (name, shape, value) => add(name, tf.fill([...shape], value), true),
    moving: (name, shape, value) => add(name, tf.fill([...shape], value), false),
  };
}
