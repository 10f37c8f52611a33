import { integersAttribute, runKernel, textAttribute, typeAttribute, withGradient } from '../kernels.ts';
import type { Tensor, Tensor4D } from '../tensorflow.ts';
import { shapeTensor } from './conv2d.ts';

const ATTRIBUTES = [
  typeAttribute('T'),
  integersAttribute('strides', [1, 1, 1, 1]),
  textAttribute('padding', 'SAME'),
  textAttribute('data_format', 'NHWC'),
  integersAttribute('dilations', [1, 1, 1, 1]),
];

/**
 * Each channel of x `[batch, height, width, channels]` convolved with its own kernel from `[height, width, channels, 1]`; height and width
 * stay the same.
 */
export function depthwiseConv(x: Tensor4D, kernel: Tensor): Tensor4D {
  return withGradient<Tensor4D>([x, kernel], () => ({
    value: runKernel<Tensor4D>('DepthwiseConv2dNative', ATTRIBUTES, [x, kernel]),
    saved: [x, kernel],
    gradient: (dy, saved) => {
      const [input, weights] = saved as [Tensor, Tensor];
      return [
        runKernel('DepthwiseConv2dNativeBackpropInput', ATTRIBUTES, [shapeTensor(input.shape), weights, dy]),
        runKernel('DepthwiseConv2dNativeBackpropFilter', ATTRIBUTES, [input, shapeTensor(weights.shape), dy]),
      ];
    },
  }));
}
