import { integersAttribute, runKernel, textAttribute, typeAttribute } from '../kernels.ts';
import type { Tensor4D } from '../tensorflow.ts';
import { withGradient } from '../with-gradient.ts';

const ATTRIBUTES = [
  typeAttribute('T'),
  integersAttribute('ksize', [1, 2, 2, 1]),
  integersAttribute('strides', [1, 2, 2, 1]),
  textAttribute('padding', 'VALID'),
  textAttribute('data_format', 'NHWC'),
];

/** The largest of each 2×2 tile of x `[batch, height, width, channels]`, height and width even. The gradient goes to the first largest. */
export function maxPool2x2(x: Tensor4D): Tensor4D {
  return withGradient<Tensor4D>([x], () => {
    const value = runKernel<Tensor4D>('MaxPool', ATTRIBUTES, [x]);
    return { value, saved: [x, value], gradient: (dy, saved) => [runKernel('MaxPoolGrad', ATTRIBUTES, [...saved, dy])] };
  });
}
