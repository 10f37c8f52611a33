import { runKernel, textAttribute, typeAttribute } from '../kernels.ts';
import { type Tensor, tf } from '../tensorflow.ts';
import { withGradient } from '../with-gradient.ts';

const ATTRIBUTES = [typeAttribute('T'), textAttribute('data_format', 'NHWC')];

/** x `[…, channels]` plus bias `[channels]`; the bias's gradient is one BiasAddGrad kernel. */
export function biasAdd<Shape extends Tensor>(x: Shape, bias: Tensor): Shape {
  return withGradient<Shape>([x, bias], () => ({
    value: runKernel<Shape>('BiasAdd', ATTRIBUTES, [x, bias]),
    saved: [],
    gradient: (dy) => [tf.clone(dy), runKernel('BiasAddGrad', ATTRIBUTES, [dy])],
  }));
}
