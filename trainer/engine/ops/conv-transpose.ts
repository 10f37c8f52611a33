import { runKernel, withGradient } from '../kernels.ts';
import type { Tensor, Tensor4D } from '../tensorflow.ts';
import { convolutionAttributes, shapeTensor } from './conv2d.ts';

const ATTRIBUTES = convolutionAttributes({ stride: 2, padding: 'valid' });

/**
 * Transposed convolution with a 2×2 kernel `[2, 2, out, in]` and stride 2: each pixel of x `[batch, height, width, in]` becomes a 2×2 tile
 * of the result `[batch, 2·height, 2·width, out]`. It is the gradient of a convolution, and its own gradients are convolutions.
 */
export function convTranspose2x2(x: Tensor4D, kernel: Tensor): Tensor4D {
  const [batch, height, width] = x.shape;
  const shape = [batch, 2 * height, 2 * width, kernel.shape[2] as number];
  return withGradient<Tensor4D>([x, kernel], () => ({
    value: runKernel<Tensor4D>('Conv2DBackpropInput', ATTRIBUTES, [shapeTensor(shape), kernel, x]),
    saved: [x, kernel],
    gradient: (dy, saved) => {
      const [input, weights] = saved as [Tensor, Tensor];
      return [
        runKernel('Conv2D', ATTRIBUTES, [dy, weights]),
        runKernel('Conv2DBackpropFilter', ATTRIBUTES, [dy, shapeTensor(weights.shape), input]),
      ];
    },
  }));
}
