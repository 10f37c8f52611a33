import { integersAttribute, runKernel, textAttribute, typeAttribute, withGradient } from '../kernels.ts';
import type { Tensor, Tensor4D } from '../tensorflow.ts';
import { shapeTensor } from './conv2d.ts';

const attributesAt = (stride: number) => [
  typeAttribute('T'),
  integersAttribute('strides', [1, stride, stride, 1]),
  textAttribute('padding', 'SAME'),
  textAttribute('data_format', 'NHWC'),
  integersAttribute('dilations', [1, 1, 1, 1]),
];

/**
 * Each channel of x `[batch, height, width, channels]` convolved with its own kernel from `[height, width, channels, 1]`. At stride 1
 * height and width stay the same. Otherwise they are divided by the stride and rounded up, with zeros around x by TensorFlow's rule: at an
 * even size and stride 2, one pixel less before x than after it.
 */
export function depthwiseConv(x: Tensor4D, kernel: Tensor, stride = 1): Tensor4D {
  const attributes = attributesAt(stride);
  return withGradient<Tensor4D>([x, kernel], () => ({
    value: runKernel<Tensor4D>('DepthwiseConv2dNative', attributes, [x, kernel]),
    saved: [x, kernel],
    gradient: (dy, saved) => {
      const [input, weights] = saved as [Tensor, Tensor];
      return [
        runKernel('DepthwiseConv2dNativeBackpropInput', attributes, [shapeTensor(input.shape), weights, dy]),
        runKernel('DepthwiseConv2dNativeBackpropFilter', attributes, [input, shapeTensor(weights.shape), dy]),
      ];
    },
  }));
}
