import { relu } from '../../engine/ops/activations.ts';
import { batchNorm } from '../../engine/ops/batch-norm.ts';
import { type ConvolutionGeometry, conv2d } from '../../engine/ops/conv2d.ts';
import { tf } from '../../engine/tensorflow.ts';
import { batchNormVariables, type Layer } from './normalization.ts';
import type { VariableMaker } from './variables.ts';

type ConvNormOptions = {
  readonly from: number;
  readonly to: number;
  /** Side of the kernel, an odd number; 3 by default. */
  readonly size?: number;
  readonly stride?: number;
  readonly dilation?: number;
  /**
   * Whether the convolution has a bias. The normalisation cancels it, but published networks have it and include it in their parameter
   * counts.
   */
  readonly bias?: boolean;
  /** Whether the input is the grey images. A kernel with several input channels then acts as if each channel were the same image. */
  readonly onImages?: boolean;
};

/**
 * Convolution and batch normalisation. The zero padding is the same on both sides, as in PyTorch (TensorFlow's own rule shifts strided
 * convolutions by a pixel). He initialisation: normal with variance 2 / (size²·from).
 */
export function convNorm(make: VariableMaker, name: string, options: ConvNormOptions): Layer {
  const { from, to, size = 3, stride = 1, dilation = 1, bias = false, onImages = false } = options;
  const kernel = make.normal(`${name}/kernel`, [size, size, from, to], Math.sqrt(2 / (size * size * from)));
  const offset = bias ? make.constant(`${name}/bias`, [to], 0) : undefined;
  const norm = batchNormVariables(make, name, to);
  const zeros = (dilation * (size - 1)) / 2;
  const padding = stride === 1 ? ('same' as const) : ([zeros, zeros, zeros, zeros] as const);
  const geometry: ConvolutionGeometry = { stride, dilation, padding, inputGradient: !onImages };
  return (x, training) =>
    tf.tidy(() => {
      const weights = onImages && from > 1 ? tf.sum(kernel, 2, true) : kernel;
      return batchNorm(conv2d(x, weights, geometry), { ...norm, offset }, training);
    });
}

/** Convolution, batch normalisation and ReLU. */
export function convNormRelu(make: VariableMaker, name: string, options: ConvNormOptions): Layer {
  const normalised = convNorm(make, name, options);
  // The tidy frees what no gradient needs (the normalised values before ReLU) immediately instead of at the end of the forward pass.
  return (x, training) => tf.tidy(() => relu(normalised(x, training)));
}

type DoubleConvOptions = {
  readonly from: number;
  readonly between?: number;
  readonly to: number;
  readonly bias?: boolean;
  readonly onImages?: boolean;
};

/** Two 3×3 convolutions with normalisation and ReLU. `between` is the number of channels between them; by default that of the result. */
export function doubleConv(make: VariableMaker, name: string, options: DoubleConvOptions): Layer {
  const { from, to, between = to, bias = false, onImages = false } = options;
  const first = convNormRelu(make, `${name}/1`, { from, to: between, bias, onImages });
  const second = convNormRelu(make, `${name}/2`, { from: between, to, bias });
  return (x, training) => second(first(x, training), training);
}
