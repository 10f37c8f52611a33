import {
  booleanAttribute,
  integersAttribute,
  type KernelAttribute,
  runKernel,
  textAttribute,
  typeAttribute,
  withGradient,
} from '../kernels.ts';
import { type Tensor, type Tensor4D, tf } from '../tensorflow.ts';
import { transposedProduct } from './linear.ts';

/** How a convolution steps over its input. */
export type ConvolutionGeometry = {
  readonly stride?: number;
  readonly dilation?: number;
  /** `same` keeps the size (at stride 1), `valid` adds nothing, `[top, bottom, left, right]` adds that many zeros. */
  readonly padding?: 'same' | 'valid' | readonly [number, number, number, number];
  /** False if x is the images: their gradient is not needed and would cost as much as the layer itself. */
  readonly inputGradient?: boolean;
};

/** The attributes that Conv2D and its two gradients share. */
export function convolutionAttributes({ stride = 1, dilation = 1, padding = 'same' }: ConvolutionGeometry): KernelAttribute[] {
  const named = typeof padding === 'string';
  return [
    typeAttribute('T'),
    integersAttribute('strides', [1, stride, stride, 1]),
    textAttribute('padding', named ? padding.toUpperCase() : 'EXPLICIT'),
    textAttribute('data_format', 'NHWC'),
    booleanAttribute('use_cudnn_on_gpu', true),
    integersAttribute('dilations', [1, dilation, dilation, 1]),
    ...(named ? [] : [integersAttribute('explicit_paddings', [0, 0, ...padding, 0, 0])]),
  ];
}

/** A shape as a tensor, as kernels need it. */
export const shapeTensor = (shape: readonly number[]): Tensor => tf.tensor1d([...shape], 'int32');

/**
 * Convolution of x `[batch, height, width, in]` with kernel `[height, width, in, out]` (a cross-correlation, as everywhere in deep
 * learning), without bias. Both gradients are TensorFlow's kernels. Unlike tfjs's wrappers, they support dilation and explicit padding.
 */
export function conv2d(x: Tensor4D, kernel: Tensor, geometry: ConvolutionGeometry = {}): Tensor4D {
  const attributes = convolutionAttributes(geometry);
  const byInput = geometry.inputGradient ?? true;
  return withGradient<Tensor4D>(byInput ? [kernel, x] : [kernel], () => ({
    value: runKernel<Tensor4D>('Conv2D', attributes, [x, kernel]),
    saved: [x, kernel],
    gradient: (dy, saved) => {
      const [input, weights] = saved as [Tensor, Tensor];
      const byWeights = isPointwise(weights, geometry)
        ? byPointwiseWeights(input, dy, weights.shape)
        : runKernel('Conv2DBackpropFilter', attributes, [input, shapeTensor(weights.shape), dy]);
      return byInput ? [byWeights, runKernel('Conv2DBackpropInput', attributes, [shapeTensor(input.shape), weights, dy])] : [byWeights];
    },
  }));
}

/** Whether every output pixel depends on one input pixel only. */
function isPointwise({ shape: [height, width] }: Tensor, { stride = 1, padding = 'same' }: ConvolutionGeometry): boolean {
  return height === 1 && width === 1 && stride === 1 && typeof padding === 'string';
}

/**
 * The gradient of a 1×1 kernel as one matrix product. oneDNN's convolution takes several times as long (2048 to 512 channels over 64×64
 * pixels in bfloat16). For the forward pass and the gradient of the input, both are equally fast.
 */
function byPointwiseWeights(input: Tensor, dy: Tensor, shape: readonly number[]): Tensor {
  const [, , from = 1, to = 1] = shape;
  return tf.reshape(transposedProduct(tf.reshape(input, [-1, from]), tf.reshape(dy, [-1, to])), [...shape]);
}
