/** Support for tests of operations: compares tfjs's gradients with central differences. */
import { randomFor } from '@carpal/masks/random.ts';
import { type Tensor, tf } from '../tensorflow.ts';

export type Operation = (...inputs: Tensor[]) => Tensor;

/** An array of this shape with values in -1..1 that are at least 0.05 from zero and 0.0005 from each other (no kinks, no ties). */
export function spreadValues(shape: readonly number[], seed: number): Tensor {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const random = randomFor(seed, 'values');
  const order = Array.from({ length: count }, (_, index) => ({ index, key: random.next() })).sort((a, b) => a.key - b.key);
  const values = new Float32Array(count);
  for (const [rank, { index }] of order.entries()) {
    const centred = (2 * (rank + 0.5)) / count - 1;
    values[index] = Math.sign(centred) * (0.05 + 0.95 * Math.abs(centred));
  }
  return tf.tensor(values, [...shape]);
}

function weightsLike(output: Tensor): Tensor {
  return spreadValues(output.shape, 99);
}

/** For each input, the gradient of a fixed weighted sum of the operation's output. */
export function gradientsOf(operation: Operation, inputs: readonly Tensor[]): Float32Array[] {
  const gradients = tf.grads((...given: Tensor[]) => {
    const output = operation(...given);
    return tf.sum(tf.mul(output, weightsLike(output)));
  })([...inputs]);
  return gradients.map((gradient) => gradient.dataSync() as Float32Array);
}

/**
 * For each input and a few random directions: the slope of that weighted sum along the direction, from the gradients and from central
 * differences. The two agree to about a thousandth in float32.
 */
export function slopes(operation: Operation, inputs: readonly Tensor[], epsilon = 1e-2): { byGradient: number; byDifference: number }[] {
  const gradients = gradientsOf(operation, inputs);
  return inputs.flatMap((input, position) =>
    [1, 2, 3].map((seed) => {
      const direction = spreadValues(input.shape, 1000 * position + seed);
      const at = (offset: number): number => {
        const moved = inputs.map((other, index) => (index === position ? tf.add(other, tf.mul(direction, offset)) : other));
        const output = operation(...moved);
        return dot(output.dataSync(), weightsLike(output).dataSync());
      };
      const gradient = gradients[position] as Float32Array;
      return { byGradient: dot(gradient, direction.dataSync()), byDifference: (at(epsilon) - at(-epsilon)) / (2 * epsilon) };
    }),
  );
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] as number) * (b[index] as number);
  return sum;
}

/** The largest difference between two arrays, relative to the largest value of the second. */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let scale = 1e-12;
  for (let index = 0; index < expected.length; index++) {
    difference = Math.max(difference, Math.abs((actual[index] as number) - (expected[index] as number)));
    scale = Math.max(scale, Math.abs(expected[index] as number));
  }
  return difference / scale;
}
