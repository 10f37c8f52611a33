import { gelu } from '../../engine/ops/activations.ts';
import { depthwiseConv } from '../../engine/ops/depthwise-conv.ts';
import { biasAdd } from '../../engine/ops/linear.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convolution } from './convolution.ts';
import { tokenNorm } from './normalization.ts';
import { dense } from './tokens.ts';
import type { VariableMaker } from './variables.ts';

const INPUT_CHANNELS = 3;
const WIDTHS = [96, 192, 384, 768] as const;
/** Number of blocks of ConvNeXt-T in each stage. */
const BLOCKS = [3, 3, 9, 3] as const;
/** Side of the depthwise kernels. */
const SIZE = 7;
/** Channels between the two layers of a block, as a multiple of its input channels. */
const EXPANSION = 4;
/** The first factor of what a block adds to its input. */
const FIRST_SCALE = 1e-6;

/** Channels of the four stages. */
export function convNextWidths(divisor: number): number[] {
  return WIDTHS.map((width) => Math.max(1, Math.floor(width / divisor)));
}

/**
 * The features of ConvNeXt-T (Liu et al. 2022), built as in torchvision, for images `[batch, height, width, 1]`: those of the four stages at
 * 1/4, 1/8, 1/16 and 1/32 of the size, without a normalisation after them. There are none at 1/2, because the first convolution has stride
 * 4. The classifier is left out, and no block is dropped in training. Without a divisor it has 27,818,592 parameters. Names: `stem`, `shrink`
 * of `stage2` to `stage4`, and `depthwise`, `widen`, `narrow` and `layerScale` of `stage1/1` and so on.
 */
export function convNext(make: VariableMaker, name: string, divisor: number) {
  const widths = convNextWidths(divisor);
  const embed = convolution(make, `${name}/stem`, {
    from: INPUT_CHANNELS,
    to: widths[0] as number,
    size: 4,
    stride: 4,
    padding: 'valid',
    onImages: true,
  });
  const embedNorm = tokenNorm(make, `${name}/stem`, widths[0] as number);
  const stages = widths.map((width, index) => {
    const path = `${name}/stage${index + 1}`;
    const enter =
      index === 0 ? (images: Tensor4D) => embedNorm(embed(images)) : shrink(make, `${path}/shrink`, widths[index - 1] as number, width);
    const blocks = Array.from({ length: BLOCKS[index] as number }, (_, block) => convNextBlock(make, `${path}/${block + 1}`, width));
    return (x: Tensor4D): Tensor4D =>
      blocks.reduce(
        (value, block) => block(value),
        tf.tidy(() => enter(x)),
      );
  });
  return (images: Tensor4D): readonly Tensor4D[] => {
    const features: Tensor4D[] = [];
    for (const stage of stages) features.push(stage(features.at(-1) ?? images));
    return features;
  };
}

/** Layer normalisation and a 2×2 convolution at stride 2. */
function shrink(make: VariableMaker, name: string, from: number, to: number): (x: Tensor4D) => Tensor4D {
  const normalise = tokenNorm(make, name, from);
  const halve = convolution(make, name, { from, to, size: 2, stride: 2, padding: 'valid' });
  return (x) => halve(normalise(x));
}

/** x plus a learned factor for each channel times: a depthwise convolution, layer normalisation, and two linear maps with GELU between them. */
function convNextBlock(make: VariableMaker, name: string, channels: number): (x: Tensor4D) => Tensor4D {
  const kernel = make.normal(`${name}/depthwise/kernel`, [SIZE, SIZE, channels, 1], 1 / SIZE);
  const bias = make.constant(`${name}/depthwise/bias`, [channels], 0);
  const normalise = tokenNorm(make, `${name}/depthwise`, channels);
  const widen = dense(make, `${name}/widen`, { from: channels, to: EXPANSION * channels });
  const narrow = dense(make, `${name}/narrow`, { from: EXPANSION * channels, to: channels });
  const scale = make.constant(`${name}/layerScale`, [channels], FIRST_SCALE);
  return (x) =>
    tf.tidy(() => {
      const filtered = tf.tidy(() => normalise(biasAdd(depthwiseConv(x, kernel), bias)));
      return tf.add(x, tf.mul(narrow(gelu(widen(filtered))), scale));
    });
}
