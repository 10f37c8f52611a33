import { relu6 } from '../../engine/ops/activations.ts';
import { depthwiseConv } from '../../engine/ops/depthwise-conv.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convolution } from './convolution.ts';
import { type Layer, norm } from './normalization.ts';
import type { VariableMaker } from './variables.ts';

/** The EfficientNets that can be used as encoders. */
export type EfficientNetName = 'EfficientNetLite0' | 'EfficientNetLite1' | 'EfficientNetLite2';

/** The factors of the widths and of the number of blocks, compared with the smallest network. */
type Scale = { readonly width: number; readonly depth: number };

const SCALES: Readonly<Record<EfficientNetName, Scale>> = {
  EfficientNetLite0: { width: 1, depth: 1 },
  EfficientNetLite1: { width: 1, depth: 1.1 },
  EfficientNetLite2: { width: 1.1, depth: 1.2 },
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

/** The stages of a network. The first and the last stage of a lite network are not deeper than those of the smallest one. */
function stagesOf(kind: EfficientNetName): readonly Stage[] {
  const { width, depth } = SCALES[kind];
  return STAGES.map((stage, index) => {
    const isFixed = index === 0 || index === STAGES.length - 1;
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
  return [STEM, ...FEATURE_STAGES.map((stage) => (stages[stage - 1] as Stage).width)].map(dividedBy(divisor));
}

/**
 * The features of an EfficientNet-Lite (Tan and Le 2019; the lite form has ReLU6 and no squeeze and excitation), for images `[batch,
 * height, width, 1]` whose sides are multiples of 32: the stem's at 1/2 of the size, and those of the stages 2, 3, 5 and 7 at 1/4, 1/8, 1/16
 * and 1/32, with the channels of `efficientNetWidths`. The last convolution and the classifier are left out. As in the published networks,
 * zeros are placed around a map by TensorFlow's rule, and the epsilon of the normalisation is 1e-3. No block is dropped in training.
 * Without a divisor Lite0 has 2,958,848 parameters. Names: `stem`, and `expand`, `depthwise` and `project` of `stage1/1` and so on.
 */
export function efficientNet(make: VariableMaker, name: string, kind: EfficientNetName, divisor: number) {
  const divided = dividedBy(divisor);
  const stem = convNormRelu6(make, `${name}/stem`, { from: INPUT_CHANNELS, to: divided(STEM), size: 3, stride: 2, onImages: true });
  let from = divided(STEM);
  const stages = stagesOf(kind).map(({ size, stride, expansion, width, blocks }, index) =>
    Array.from({ length: blocks }, (_, block) => {
      const options = { from, to: divided(width), size, expansion, stride: block === 0 ? stride : 1, residual: block > 0 };
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
};

function convNormRelu6(make: VariableMaker, name: string, options: ConvOptions): Layer {
  const convolve = convolution(make, name, { ...options, bias: false, gain: 2 });
  const normalise = norm(make, name, options.to, EPSILON);
  return (x, training) => tf.tidy(() => relu6(normalise(convolve(x), training)));
}

type BlockOptions = {
  readonly from: number;
  readonly to: number;
  readonly size: number;
  readonly stride: number;
  readonly expansion: number;
  /** Whether the input is added to the result. */
  readonly residual: boolean;
};

/** A 1×1 convolution to more channels (unless the expansion is 1), a depthwise convolution, and a 1×1 convolution to `to` channels. */
function invertedBottleneck(make: VariableMaker, name: string, { from, to, size, stride, expansion, residual }: BlockOptions): Layer {
  const wide = from * expansion;
  const expand = expansion === 1 ? undefined : convNormRelu6(make, `${name}/expand`, { from, to: wide, size: 1 });
  const kernel = make.normal(`${name}/depthwise/kernel`, [size, size, wide, 1], Math.sqrt(2 / size ** 2));
  const depthwiseNorm = norm(make, `${name}/depthwise`, wide, EPSILON);
  const project = convolution(make, `${name}/project`, { from: wide, to, size: 1, bias: false });
  const projectNorm = norm(make, `${name}/project`, to, EPSILON);
  return (x, training) =>
    tf.tidy(() => {
      const widened = expand ? expand(x, training) : x;
      const filtered = tf.tidy(() => relu6(depthwiseNorm(depthwiseConv(widened, kernel, stride), training)));
      const projected = tf.tidy(() => projectNorm(project(filtered), training));
      return residual ? tf.add(projected, x) : projected;
    });
}
