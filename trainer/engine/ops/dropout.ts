import { runKernel, TYPE, typeAttribute, withGradient } from '../kernels.ts';
import { type Tensor, type Tensor4D, tf } from '../tensorflow.ts';
import { shapeTensor } from './conv2d.ts';

const UNIFORM = [typeAttribute('T', TYPE.int32), typeAttribute('dtype'), typeAttribute('Tseed', TYPE.int32)];

/** Which values are dropped (with probability `rate`). */
export type DropoutChoice = {
  readonly rate: number;
  /** Two int32 values, different in every step. */
  readonly seed: Tensor;
  /** The place in the network: two places draw different numbers in the same step. */
  readonly place: number;
};

/**
 * x with a fraction `rate` of its values set to 0 and the others divided by 1 − rate, so that the expected sum stays the same (Srivastava
 * and others 2014, in the form that does not change inference). The choice is drawn on the device with Philox counters: the same seed,
 * place and shape drop the same values for any number of threads, eager or recorded.
 */
export function dropout(x: Tensor4D, choice: DropoutChoice): Tensor4D {
  return withGradient<Tensor4D>([x], () => {
    const kept = keptFactors(x.shape, choice);
    return { value: tf.mul(x, kept) as Tensor4D, saved: [kept], gradient: (dy, [scale]) => [tf.mul(dy, scale as Tensor)] };
  });
}

/** The factors of dropout: 0 for dropped values, 1 / (1 − rate) for the others. */
export function keptFactors(shape: readonly number[], { rate, seed, place }: DropoutChoice): Tensor {
  return tf.tidy(() => {
    const key = tf.add(seed, tf.tensor1d([place, 0], 'int32'));
    const uniform = runKernel('StatelessRandomUniform', UNIFORM, [shapeTensor(shape), key]);
    return tf.mul(tf.cast(tf.greaterEqual(uniform, rate), 'float32'), 1 / (1 - rate));
  });
}
