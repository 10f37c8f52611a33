import { type Tensor, tf } from '../tensorflow.ts';
import { withGradient } from '../with-gradient.ts';
import { biasAdd } from './bias-add.ts';
import { product, productByTransposed, transposedProduct } from './matrix-product.ts';

/**
 * x `[…, in]` times kernel `[in, out]`, plus bias `[out]` where there is one: a 1×1 convolution as one product of matrices. Both gradients are
 * products of the same kind (tfjs makes batched products of rank 3 out of them).
 */
export function linear<Shape extends Tensor>(x: Shape, kernel: Tensor, bias?: Tensor): Shape {
  const [from, to] = kernel.shape as [number, number];
  const rows = tf.reshape(x, [-1, from]);
  const value = withGradient<Tensor>([rows, kernel], () => ({
    value: product(rows, kernel),
    saved: [rows, kernel],
    gradient: (dy, saved) => {
      const [input, weights] = saved as [Tensor, Tensor];
      return [productByTransposed(dy, weights), transposedProduct(input, dy)];
    },
  }));
  return tf.reshape(bias ? biasAdd(value, bias) : value, [...x.shape.slice(0, -1), to]) as Shape;
}
