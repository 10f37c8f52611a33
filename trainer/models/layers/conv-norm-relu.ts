import { batchNorm } from '../../engine/ops/batch-norm.ts';
import { conv2d } from '../../engine/ops/conv2d.ts';
import { relu } from '../../engine/ops/relu.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import type { VariableMaker } from './variables.ts';

/** A layer that behaves differently in training and in inference. */
export type Layer = (x: Tensor4D, training: boolean) => Tensor4D;

/** The four per-channel arrays of a batch normalisation, beginning as the identity. */
export function batchNormVariables(make: VariableMaker, name: string, channels: number) {
  return {
    gamma: make.constant(`${name}/gamma`, [channels], 1),
    beta: make.constant(`${name}/beta`, [channels], 0),
    movingMean: make.moving(`${name}/movingMean`, [channels], 0),
    movingVariance: make.moving(`${name}/movingVariance`, [channels], 1),
  };
}

type ConvNormReluOptions = {
  readonly from: number;
  readonly to: number;
  /** A bias before the normalisation changes nothing that is computed; published networks have it, and count it. */
  readonly bias?: boolean;
  /** The input is the grey images; a kernel of several input channels acts as if each of them were given the same image. */
  readonly onImages?: boolean;
};

/** 3×3 convolution, batch normalisation, ReLU. He initialisation: normal with variance 2 / (9·from). */
export function convNormRelu(make: VariableMaker, name: string, { from, to, bias = false, onImages = false }: ConvNormReluOptions): Layer {
  const kernel = make.normal(`${name}/kernel`, [3, 3, from, to], Math.sqrt(2 / (9 * from)));
  const offset = bias ? make.constant(`${name}/bias`, [to], 0) : undefined;
  const norm = batchNormVariables(make, name, to);
  // The tidy frees what no gradient needs (the normalised values before ReLU) at once instead of at the end of the forward pass.
  return (x, training) =>
    tf.tidy(() => {
      const convolved = conv2d(x, onImages && from > 1 ? tf.sum(kernel, 2, true) : kernel, { inputGradient: !onImages });
      return relu(batchNorm(convolved, { ...norm, offset }, training));
    });
}
