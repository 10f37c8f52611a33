import { convTranspose2x2 } from '../../engine/ops/conv-transpose.ts';
import { type ConvolutionGeometry, conv2d } from '../../engine/ops/conv2d.ts';
import { biasAdd } from '../../engine/ops/linear.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import type { VariableMaker } from './variables.ts';

type ConvolutionOptions = Pick<ConvolutionGeometry, 'stride' | 'dilation' | 'padding'> & {
  readonly from: number;
  readonly to: number;
  /** Side of the kernel, or its height and width. */
  readonly size?: number | readonly [number, number];
  readonly bias?: boolean;
  /** Whether the input is the grey images. A kernel with several input channels then acts as if each channel were the same image. */
  readonly onImages?: boolean;
  /** Variance of the initial weights times the number of inputs: 2 if a ReLU follows (He), otherwise 1. */
  readonly gain?: number;
};

/**
 * A convolution with its variables `<name>/kernel` and, unless `bias` is false, `<name>/bias`. By default the kernel is 3×3 and the size
 * stays the same.
 */
export function convolution(make: VariableMaker, name: string, options: ConvolutionOptions): (x: Tensor4D) => Tensor4D {
  const { from, to, size = 3, bias = true, onImages = false, gain = 1, ...geometry } = options;
  const [height, width] = typeof size === 'number' ? [size, size] : size;
  const kernel = make.normal(`${name}/kernel`, [height, width, from, to], Math.sqrt(gain / (height * width * from)));
  const offset = bias ? make.constant(`${name}/bias`, [to], 0) : undefined;
  return (x) =>
    tf.tidy(() => {
      const weights = onImages && from > 1 ? tf.sum(kernel, 2, true) : kernel;
      const convolved = conv2d(x, weights, { ...geometry, inputGradient: !onImages });
      return offset ? biasAdd(convolved, offset) : convolved;
    });
}

/** Learned up-sampling: 2×2 transposed convolution with bias at stride 2. No ReLU follows, so its variance is 1 / from. */
export function convUp(make: VariableMaker, name: string, from: number, to: number): (x: Tensor4D) => Tensor4D {
  const kernel = make.normal(`${name}/kernel`, [2, 2, to, from], Math.sqrt(1 / from));
  const bias = make.constant(`${name}/bias`, [to], 0);
  return (x) => tf.tidy(() => biasAdd(convTranspose2x2(x, kernel), bias));
}
