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
  /** A bias before the normalisation changes nothing that is computed; published networks have it, and count it. */
  readonly bias?: boolean;
  /** The input is the grey images; a kernel of several input channels acts as if each of them were given the same image. */
  readonly onImages?: boolean;
};

/**
 * Convolution and batch normalisation. As many zeros stand on one side of x as on the other, as in PyTorch (TensorFlow's own rule shifts
 * strided convolutions by a pixel). He initialisation: normal with variance 2 / (size²·from).
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

/** The same with a ReLU after it. */
export function convNormRelu(make: VariableMaker, name: string, options: ConvNormOptions): Layer {
  const normalised = convNorm(make, name, options);
  // The tidy frees what no gradient needs (the normalised values before ReLU) at once instead of at the end of the forward pass.
  return (x, training) => tf.tidy(() => relu(normalised(x, training)));
}

type DoubleConvOptions = {
  readonly from: number;
  readonly between?: number;
  readonly to: number;
  readonly bias?: boolean;
  readonly onImages?: boolean;
};

/** Two 3×3 convolutions with normalisation and ReLU; `between` is the width between them (by default that of the result). */
export function doubleConv(make: VariableMaker, name: string, options: DoubleConvOptions): Layer {
  const { from, to, between = to, bias = false, onImages = false } = options;
  const first = convNormRelu(make, `${name}/1`, { from, to: between, bias, onImages });
  const second = convNormRelu(make, `${name}/2`, { from: between, to, bias });
  return (x, training) => second(first(x, training), training);
}
