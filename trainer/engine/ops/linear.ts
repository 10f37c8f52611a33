import { booleanAttribute, runKernel, textAttribute, typeAttribute, withGradient } from '../kernels.ts';
import { type Tensor, tf } from '../tensorflow.ts';

const productAttributes = (transposeA: boolean, transposeB: boolean) => [
  typeAttribute('T'),
  booleanAttribute('transpose_a', transposeA),
  booleanAttribute('transpose_b', transposeB),
];
const PLAIN = productAttributes(false, false);
const BY_TRANSPOSED = productAttributes(false, true);
const TRANSPOSED_BY = productAttributes(true, false);

/** The transpose of a `[k, n]` times b `[k, m]`. It has no gradient of its own. */
export const transposedProduct = (a: Tensor, b: Tensor): Tensor => runKernel('MatMul', TRANSPOSED_BY, [a, b]);

const BIAS = [typeAttribute('T'), textAttribute('data_format', 'NHWC')];

/** x `[…, channels]` plus bias `[channels]`. The gradient of the bias is one BiasAddGrad kernel. */
export function biasAdd<Shape extends Tensor>(x: Shape, bias: Tensor): Shape {
  return withGradient<Shape>([x, bias], () => ({
    value: runKernel<Shape>('BiasAdd', BIAS, [x, bias]),
    saved: [],
    gradient: (dy) => [tf.clone(dy), runKernel('BiasAddGrad', BIAS, [dy])],
  }));
}

/**
 * x `[…, in]` times kernel `[in, out]`, plus bias `[out]` if given: a 1×1 convolution as one matrix product. Both gradients are matrix
 * products too. (tfjs would turn them into batched products of rank 3.)
 */
export function linear<Shape extends Tensor>(x: Shape, kernel: Tensor, bias?: Tensor): Shape {
  const [from, to] = kernel.shape as [number, number];
  const rows = tf.reshape(x, [-1, from]);
  const value = withGradient<Tensor>([rows, kernel], () => ({
    value: runKernel('MatMul', PLAIN, [rows, kernel]),
    saved: [rows, kernel],
    gradient: (dy, saved) => {
      const [input, weights] = saved as [Tensor, Tensor];
      return [runKernel('MatMul', BY_TRANSPOSED, [dy, weights]), transposedProduct(input, dy)];
    },
  }));
  return tf.reshape(bias ? biasAdd(value, bias) : value, [...x.shape.slice(0, -1), to]) as Shape;
}
