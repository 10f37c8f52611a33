import { relu } from '../../engine/ops/activations.ts';
import { batchNorm } from '../../engine/ops/batch-norm.ts';
import { tf } from '../../engine/tensorflow.ts';
import { convolution } from './convolution.ts';
import { batchNormVariables, type Layer, norm } from './normalization.ts';
import type { VariableMaker } from './variables.ts';

type ConvReluNormOptions = {
  readonly from: number;
  readonly to: number;
  readonly size?: number | readonly [number, number];
  readonly dilation?: number;
};

/** Convolution with bias, ReLU, batch normalisation: the order in DUCK-Net and RAPUNet. Other networks normalise before ReLU. */
export function convReluNorm(make: VariableMaker, name: string, options: ConvReluNormOptions): Layer {
  const convolve = convolution(make, name, { ...options, gain: 2 });
  const norm = batchNormVariables(make, `${name}/norm`, options.to);
  return (x, training) => tf.tidy(() => batchNorm(relu(convolve(x)), norm, training));
}

type AtrousChainOptions = { readonly from: number; readonly to: number; readonly length: number };

/**
 * `length` 3×3 convolutions in sequence, with dilations 1, 2, 3 …, each followed by ReLU and normalisation. The chain has a large receptive
 * field with few weights.
 */
export function atrousChain(make: VariableMaker, name: string, { from, to, length }: AtrousChainOptions): Layer {
  const steps = Array.from({ length }, (_, index) =>
    convReluNorm(make, `${name}/${index + 1}`, { from: index === 0 ? from : to, to, dilation: index + 1 }),
  );
  return (x, training) => steps.reduce((value, step) => step(value, training), x);
}

type ResNetBlockOptions = {
  readonly from: number;
  readonly to: number;
  /** Whether the skip connection is normalised too. */
  readonly normalizedSkip: boolean;
};

/** Two 3×3 convolutions with ReLU and normalisation, in parallel with a 1×1 convolution with ReLU. Their sum is normalised. */
export function resnetBlock(make: VariableMaker, name: string, { from, to, normalizedSkip }: ResNetBlockOptions): Layer {
  const skip = convolution(make, `${name}/skip`, { from, to, size: 1, gain: 2 });
  const skipNorm = normalizedSkip ? norm(make, `${name}/skip/norm`, to) : undefined;
  const first = convReluNorm(make, `${name}/1`, { from, to });
  const second = convReluNorm(make, `${name}/2`, { from: to, to });
  const last = norm(make, `${name}/norm`, to);
  return (x, training) =>
    tf.tidy(() => {
      const shortcut = relu(skip(x));
      const skipped = skipNorm ? skipNorm(shortcut, training) : shortcut;
      return last(tf.add(second(first(x, training), training), skipped), training);
    });
}

/** `count` residual blocks in sequence. The first one maps `from` channels to `to`. */
export function resnetBlocks(make: VariableMaker, name: string, count: number, { from, to, normalizedSkip }: ResNetBlockOptions): Layer {
  const blocks = Array.from({ length: count }, (_, index) =>
    resnetBlock(make, `${name}/${index + 1}`, { from: index === 0 ? from : to, to, normalizedSkip }),
  );
  return (x, training) => blocks.reduce((value, block) => block(value, training), x);
}
