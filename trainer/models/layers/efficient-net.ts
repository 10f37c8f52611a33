import { relu6, swish } from '../../engine/ops/activations.ts';
import { depthwiseConv } from '../../engine/ops/depthwise-conv.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convolution } from './convolution.ts';
import { type Layer, norm } from './normalization.ts';
import type { VariableMaker } from './variables.ts';

/** The EfficientNets that can be used as encoders. */
export type EfficientNetName = `EfficientNet${'B' | 'Lite'}${0 | 1 | 2}`;

/** The factors of the widths and of the number of blocks, compared with the smallest network, and whether the network is a lite one. */
type Scale = { readonly width: number; readonly depth: number; readonly lite: boolean };

const SCALES: Readonly<Record<EfficientNetName, Scale>> = {
  EfficientNetB0: { width: 1, depth: 1, lite: false },
  EfficientNetB1: { width: 1, depth: 1.1, lite: false },
  EfficientNetB2: { width: 1.1, depth: 1.2, lite: false },
  EfficientNetLite0: { width: 1, depth: 1, lite: true },
  EfficientNetLite1: { width: 1, depth: 1.1, lite: true },
  EfficientNetLite2: { width: 1.1, depth: 1.2, lite: true },
};

/** `size` is the side of the depthwise kernels, `stride` that of the first block. */
type Stage = {
  readonly size: number;
  readonly stride: number;
  readonly expansion: number;
  readonly width: number;
  readonly blocks: number;
};

/** The stages at scale 1. */
const STAGES: readonly Stage[] = [
  { size: 3, stride: 1, expansion: 1, width: 16, blocks: 1 },
  { size: 3, stride: 2, expansion: 6, width: 24, blocks: 2 },
  { size: 5, stride: 2, expansion: 6, width: 40, blocks: 2 },
  { size: 3, stride: 2, expansion: 6, width: 80, blocks: 3 },
  { size: 5, stride: 1, expansion: 6, width: 112, blocks: 3 },
  { size: 5, stride: 2, expansion: 6, width: 192, blocks: 4 },
  { size: 3, stride: 1, expansion: 6, width: 320, blocks: 1 },
];
const STEM = 32;
const INPUT_CHANNELS = 3;
/** The stages whose results are features: the last one at each size, from 1/4 of the image. */
const FEATURE_STAGES = [2, 3, 5, 7];
/** TensorFlow's epsilon, with which the networks were trained. */
const EPSILON = 1e-3;

/** A multiple of 8 that is close to the scaled width, and not more than a tenth below it. */
function scaledWidth(width: number, factor: number): number {
  const exact = width * factor;
  const rounded = Math.max(8, Math.floor((exact + 4) / 8) * 8);
  return rounded < 0.9 * exact ? rounded + 8 : rounded;
}

/** Channels of the stem; lite networks do not scale them. */
function stemOf(kind: EfficientNetName): number {
  const { width, lite } = SCALES[kind];
  return lite ? STEM : scaledWidth(STEM, width);
}

/** The stages of a network. The first and the last stage of a lite network are not deeper than those of the smallest one. */
function stagesOf(kind: EfficientNetName): readonly Stage[] {
  const { width, depth, lite } = SCALES[kind];
  return STAGES.map((stage, index) => {
    const isFixed = lite && (index === 0 || index === STAGES.length - 1);
    return { ...stage, width: scaledWidth(stage.width, width), blocks: isFixed ? stage.blocks : Math.ceil(stage.blocks * depth) };
  });
}

/** Number of blocks in each stage. */
export function efficientNetBlocks(kind: EfficientNetName): number[] {
  return stagesOf(kind).map(({ blocks }) => blocks);
}

const dividedBy =
  (divisor: number) =>
  (width: number): number =>
    Math.max(1, Math.floor(width / divisor));

/** Channels of the features of the stem and of the stages 2, 3, 5 and 7. `divisor` divides all widths. */
export function efficientNetWidths(kind: EfficientNetName, divisor: number): number[] {
  const stages = stagesOf(kind);
  return [stemOf(kind), ...FEATURE_STAGES.map((stage) => (stages[stage - 1] as Stage).width)].map(dividedBy(divisor));
}

/**
 * The features of an EfficientNet (Tan and Le 2019) with swish and squeeze and excitation, or with ReLU6 and without them if it is a lite
 * one. Images are `[batch, height, width, 1]`, and their sides are multiples of 32. The features are the stem's at 1/2 of the size, and those of the stages 2, 3, 5 and 7 at 1/4, 1/8, 1/16
 * and 1/32, with the channels of `efficientNetWidths`. The last convolution and the classifier are left out. As in the published networks,
 * zeros are placed around a map by TensorFlow's rule, and the epsilon of the normalisation is 1e-3. No block is dropped in training.
 * Without a divisor Lite0 has 2,958,848 parameters. Names: `stem`, and `expand`, `depthwise`,
 * `squeeze`, `excite` and `project` of `stage1/1` and so on.
 */
export function efficientNet(make: VariableMaker, name: string, kind: EfficientNetName, divisor: number) {
  const divided = dividedBy(divisor);
  const { lite } = SCALES[kind];
  let from = divided(stemOf(kind));
  const stem = convNormActivation(make, `${name}/stem`, { from: INPUT_CHANNELS, to: from, size: 3, stride: 2, onImages: true, lite });
  const stages = stagesOf(kind).map(({ size, stride, expansion, width, blocks }, index) =>
    Array.from({ length: blocks }, (_, block) => {
      const options = { from, to: divided(width), size, expansion, stride: block === 0 ? stride : 1, residual: block > 0, lite };
      from = options.to;
      return invertedBottleneck(make, `${name}/stage${index + 1}/${block + 1}`, options);
    }),
  );
  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    const features = [stem(images, training)];
    let x = features[0] as Tensor4D;
    for (const [index, blocks] of stages.entries()) {
      for (const each of blocks) x = each(x, training);
      if (FEATURE_STAGES.includes(index + 1)) features.push(x);
    }
    return features;
  };
}

type ConvOptions = {
  readonly from: number;
  readonly to: number;
  readonly size: number;
  readonly stride?: number;
  readonly onImages?: boolean;
  readonly lite: boolean;
};

const activationOf = (lite: boolean) => (lite ? relu6 : swish);

function convNormActivation(make: VariableMaker, name: string, { lite, ...options }: ConvOptions): Layer {
  const convolve = convolution(make, name, { ...options, bias: false, gain: 2 });
  const normalise = norm(make, name, options.to, EPSILON);
  const activate = activationOf(lite);
  return (x, training) => tf.tidy(() => activate(normalise(convolve(x), training)));
}

/**
 * Squeeze and excitation (Hu et al. 2018): x times a weight for each channel, which two 1×1 convolutions (`squeeze` to `between` channels,
 * `excite`) compute from the means of all channels.
 */
function squeezeAndExcite(make: VariableMaker, name: string, channels: number, between: number): (x: Tensor4D) => Tensor4D {
  const squeeze = convolution(make, `${name}/squeeze`, { from: channels, to: between, size: 1, gain: 2 });
  const excite = convolution(make, `${name}/excite`, { from: between, to: channels, size: 1 });
  return (x) => tf.tidy(() => tf.mul(x, tf.sigmoid(excite(swish(squeeze(tf.mean(x, [1, 2], true)))))));
}

type BlockOptions = {
  readonly from: number;
  readonly to: number;
  readonly size: number;
  readonly stride: number;
  readonly expansion: number;
  /** Whether the input is added to the result. */
  readonly residual: boolean;
  readonly lite: boolean;
};

/** Channels between squeeze and excitation: this part of the block's input. */
const SQUEEZED = 1 / 4;

/** A 1×1 convolution to more channels (unless the expansion is 1), a depthwise convolution, and a 1×1 convolution to `to` channels. Blocks that are not lite weight the channels before the last one. */
function invertedBottleneck(make: VariableMaker, name: string, options: BlockOptions): Layer {
  const { from, to, size, stride, expansion, residual, lite } = options;
  const wide = from * expansion;
  const expand = expansion === 1 ? undefined : convNormActivation(make, `${name}/expand`, { from, to: wide, size: 1, lite });
  const kernel = make.normal(`${name}/depthwise/kernel`, [size, size, wide, 1], Math.sqrt(2 / size ** 2));
  const depthwiseNorm = norm(make, `${name}/depthwise`, wide, EPSILON);
  const weight = lite ? undefined : squeezeAndExcite(make, name, wide, Math.max(1, Math.floor(from * SQUEEZED)));
  const activate = activationOf(lite);
  const project = convolution(make, `${name}/project`, { from: wide, to, size: 1, bias: false });
  const projectNorm = norm(make, `${name}/project`, to, EPSILON);
  return (x, training) =>
    tf.tidy(() => {
      const widened = expand ? expand(x, training) : x;
      const filtered = tf.tidy(() => activate(depthwiseNorm(depthwiseConv(widened, kernel, stride), training)));
      const projected = tf.tidy(() => projectNorm(project(weight ? weight(filtered) : filtered), training));
      return residual ? tf.add(projected, x) : projected;
    });
}
