import { relu } from '../../engine/ops/activations.ts';
import { tf } from '../../engine/tensorflow.ts';
import type { Layer } from '../layers/conv-norm-relu.ts';
import { convolution } from '../layers/convolution.ts';
import { norm } from '../layers/norm.ts';
import type { VariableMaker } from '../layers/variables.ts';
import { convReluNorm } from './conv-relu-norm.ts';

type Options = {
  readonly from: number;
  readonly to: number;
  /** Whether the skip is normalised too. */
  readonly normalizedSkip: boolean;
};

/** Two 3×3 convolutions with ReLU and normalisation, a 1×1 convolution with ReLU beside them, their sum normalised. */
export function resnetBlock(make: VariableMaker, name: string, { from, to, normalizedSkip }: Options): Layer {
  const skip = convolution(make, `${name}/skip`, { from, to, size: 1, gain: 2 });
  const skipNorm = normalizedSkip ? norm(make, `${name}/skip/norm`, to) : undefined;
  const first = convReluNorm(make, `${name}/1`, { from, to });
  const second = convReluNorm(make, `${name}/2`, { from: to, to });
  const last = norm(make, `${name}/norm`, to);
  return (x, training) =>
    tf.tidy(() => {
      const beside = relu(skip(x));
      const skipped = skipNorm ? skipNorm(beside, training) : beside;
      return last(tf.add(second(first(x, training), training), skipped), training);
    });
}

/** `count` such blocks in a row; the first takes `from` channels to `to`. */
export function resnetBlocks(make: VariableMaker, name: string, count: number, { from, to, normalizedSkip }: Options): Layer {
  const blocks = Array.from({ length: count }, (_, index) =>
    resnetBlock(make, `${name}/${index + 1}`, { from: index === 0 ? from : to, to, normalizedSkip }),
  );
  return (x, training) => blocks.reduce((value, block) => block(value, training), x);
}
