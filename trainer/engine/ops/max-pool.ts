import { integersAttribute, type KernelAttribute, runKernel, textAttribute, typeAttribute, withGradient } from '../kernels.ts';
import type { Tensor4D } from '../tensorflow.ts';

const attributes = (size: number, stride: number, padding: 'VALID' | 'EXPLICIT', around = 0): KernelAttribute[] => [
  typeAttribute('T'),
  integersAttribute('ksize', [1, size, size, 1]),
  integersAttribute('strides', [1, stride, stride, 1]),
  textAttribute('padding', padding),
  textAttribute('data_format', 'NHWC'),
  ...(padding === 'EXPLICIT' ? [integersAttribute('explicit_paddings', [0, 0, around, around, around, around, 0, 0])] : []),
];
const OVERLAPPING = attributes(3, 2, 'EXPLICIT', 1);

function pooled(x: Tensor4D, given: readonly KernelAttribute[]): Tensor4D {
  return withGradient<Tensor4D>([x], () => {
    const value = runKernel<Tensor4D>('MaxPool', given, [x]);
    return { value, saved: [x, value], gradient: (dy, saved) => [runKernel('MaxPoolGrad', given, [...saved, dy])] };
  });
}

/**
 * The maximum of each `size`×`size` tile of x `[batch, height, width, channels]`, whose height and width are multiples of `size`. The
 * gradient goes to the first maximum.
 */
export function maxPool(x: Tensor4D, size: number): Tensor4D {
  return pooled(x, attributes(size, size, 'VALID'));
}

/** The maximum of each 2×2 tile. */
export function maxPool2x2(x: Tensor4D): Tensor4D {
  return maxPool(x, 2);
}

/** The maximum of 3×3 values around every second pixel, ignoring positions beyond the border (PyTorch: kernel 3, stride 2, padding 1). */
export function maxPool3x3Stride2(x: Tensor4D): Tensor4D {
  return pooled(x, OVERLAPPING);
}
