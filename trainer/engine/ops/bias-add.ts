import { runKernel, textAttribute, typeAttribute } from '../kernels.ts';
import { type Tensor, type Tensor4D, tf } from '../tensorflow.ts';
import { withGradient } from '../with-gradient.ts';

const ATTRIBUTES = [typeAttribute('T'), textAttribute('data_format', 'NHWC')];

/** x `[batch, height, width, channels]` plus bias `[channels]`; the bias's gradient is one BiasAddGrad kernel. */
export function biasAdd(x: Tensor4D, bias: Tensor): Tensor4D {
  return withGradient<Tensor4D>([x, bias], () => ({
    value: runKernel<Tensor4D>('BiasAdd', ATTRIBUTES, [x, bias]),
    saved: [],
    gradient: (dy) => [tf.clone(dy), runKernel('BiasAddGrad', ATTRIBUTES, [dy])],
  }));
}
