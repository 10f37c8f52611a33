import { booleanAttribute, runKernel, typeAttribute } from '../kernels.ts';
import { type Tensor, tf } from '../tensorflow.ts';
import { withGradient } from '../with-gradient.ts';
import { biasAdd } from './bias-add.ts';

const product = (transposeA: boolean, transposeB: boolean) => [
  typeAttribute('T'),
  booleanAttribute('transpose_a', transposeA),
  booleanAttribute('transpose_b', transposeB),
];
const PLAIN = product(false, false);
const BY_TRANSPOSED = product(false, true);
const TRANSPOSED_BY = product(true, false);

/**
 * x `[…, in]` times kernel `[in, out]`, plus bias `[out]` where there is one: a 1×1 convolution as one product of matrices. Both gradients are
 * products of the same kind (tfjs makes batched products of rank 3 out of them).
 */
export function linear<Shape extends Tensor>(x: Shape, kernel: Tensor, bias?: Tensor): Shape {
  const [from, to] = kernel.shape as [number, number];
  const rows = tf.reshape(x, [-1, from]);
  const value = withGradient<Tensor>([rows, kernel], () => ({
    value: runKernel('MatMul', PLAIN, [rows, kernel]),
    saved: [rows, kernel],
    gradient: (dy, saved) => {
      const [input, weights] = saved as [Tensor, Tensor];
      return [runKernel('MatMul', BY_TRANSPOSED, [dy, weights]), runKernel('MatMul', TRANSPOSED_BY, [input, dy])];
    },
  }));
  return tf.reshape(bias ? biasAdd(value, bias) : value, [...x.shape.slice(0, -1), to]) as Shape;
}
