import { relu } from '../../engine/ops/activations.ts';
import { maxPool3x3Stride2 } from '../../engine/ops/max-pool.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convNorm, convNormRelu } from './conv-norm.ts';
import type { Layer } from './normalization.ts';
import type { VariableMaker } from './variables.ts';

/** `middle` is the width of the 3×3 convolutions. The result has `middle` × `expansion` channels. */
export type ResidualOptions = {
  readonly from: number;
  readonly middle: number;
  readonly stride?: number;
  readonly dilation?: number;
};

/** The result of a bottleneck has this many times the channels of its 3×3 convolution. */
const EXPANSION = 4;

/**
 * Creates a residual block (He et al. 2016): ReLU of the learned part plus the input, or plus the input's projection if size or channels
 * change.
 */
export type ResidualBlock = {
  readonly expansion: number;
  readonly make: (make: VariableMaker, name: string, options: ResidualOptions) => Layer;
};

/** 1×1, 3×3 and 1×1 convolutions: `narrow`, `middle`, `widen`, `shortcut`. */
export const BOTTLENECK: ResidualBlock = {
  expansion: EXPANSION,
  make: (make, name, { from, middle, stride = 1, dilation = 1 }) => {
    const to = middle * EXPANSION;
    const narrow = convNormRelu(make, `${name}/narrow`, { from, to: middle, size: 1 });
    const across = convNormRelu(make, `${name}/middle`, { from: middle, to: middle, stride, dilation });
    const widen = convNorm(make, `${name}/widen`, { from: middle, to, size: 1 });
    const changed: Layer = (x, training) => widen(across(narrow(x, training), training), training);
    return withShortcut(make, name, { changed, from, to, stride });
  },
};

/** Two 3×3 convolutions: `first`, `second`, `shortcut`. */
export const BASIC: ResidualBlock = {
  expansion: 1,
  make: (make, name, { from, middle: to, stride = 1, dilation = 1 }) => {
    const first = convNormRelu(make, `${name}/first`, { from, to, stride, dilation });
    const second = convNorm(make, `${name}/second`, { from: to, to, dilation });
    return withShortcut(make, name, { changed: (x, training) => second(first(x, training), training), from, to, stride });
  },
};

type Residual = { readonly changed: Layer; readonly from: number; readonly to: number; readonly stride: number };

function withShortcut(make: VariableMaker, name: string, { changed, from, to, stride }: Residual): Layer {
  const shortcut = stride === 1 && from === to ? undefined : convNorm(make, `${name}/shortcut`, { from, to, size: 1, stride });
  return (x, training) => tf.tidy(() => relu(tf.add(changed(x, training), shortcut ? shortcut(x, training) : x)));
}

/** The residual networks that can be used as encoders. */
export type ResNetName = 'ResNet34' | 'ResNet50';

const KINDS: Readonly<Record<ResNetName, ResidualBlock>> = { ResNet34: BASIC, ResNet50: BOTTLENECK };
/** Number of blocks in the four stages, for both networks. */
const BLOCKS = [3, 4, 6, 3] as const;
const INPUT_CHANNELS = 3;

/** Stride of a stage's first block, and dilation of the 3×3 kernels of its first block and of its other blocks. */
type Stage = { readonly stride: number; readonly firstDilation: number; readonly dilation: number };
const plain = (stride: number): Stage => ({ stride, firstDilation: 1, dilation: 1 });
const PLAIN: readonly Stage[] = [plain(1), plain(2), plain(2), plain(2)];
const DILATED: readonly Stage[] = [
  plain(1),
  plain(2),
  { stride: 1, firstDilation: 1, dilation: 2 },
  { stride: 1, firstDilation: 2, dilation: 4 },
];

type ResNetOptions = {
  /** Channels of the stem. The 3×3 convolutions of the four stages have 1, 2, 4 and 8 times as many. */
  readonly width: number;
  /** Whether to dilate the kernels of the last two stages instead of halving the size there, as torchvision does for segmentation. */
  readonly dilated?: boolean;
};

/** Channels of the features of the stem and of the four stages. */
export function resNetWidths(kind: ResNetName, width: number): number[] {
  return [width, ...BLOCKS.map((_, stage) => width * 2 ** stage * KINDS[kind].expansion)];
}

/**
 * The features of a residual network (He et al. 2016), built as in torchvision, for images `[batch, height, width, 1]`: the stem's at 1/2
 * of the size and the four stages' at 1/4, 1/8, 1/16 and 1/32 (1/8 three times if `dilated`), with the channels of `resNetWidths`. At width
 * 64, ResNet-34 has 21,284,672 parameters and ResNet-50 23,508,032. Names: `stem`, `stage1/1/…` and so on, followed by the blocks' own
 * names.
 */
export function resNet(make: VariableMaker, name: string, kind: ResNetName, { width, dilated = false }: ResNetOptions) {
  const block = KINDS[kind];
  const stem = convNormRelu(make, `${name}/stem`, { from: INPUT_CHANNELS, to: width, size: 7, stride: 2, onImages: true });
  let from = width;
  const stages = BLOCKS.map((count, stage) => {
    const { stride, firstDilation, dilation } = (dilated ? DILATED : PLAIN)[stage] as Stage;
    const middle = width * 2 ** stage;
    return Array.from({ length: count }, (_, index) => {
      const geometry = index === 0 ? { stride, dilation: firstDilation } : { dilation };
      const made = block.make(make, `${name}/stage${stage + 1}/${index + 1}`, { from, middle, ...geometry });
      from = middle * block.expansion;
      return made;
    });
  });
  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    const first = stem(images, training);
    let x = tf.tidy(() => maxPool3x3Stride2(first));
    const features = stages.map((blocks) => {
      for (const each of blocks) x = each(x, training);
      return x;
    });
    return [first, ...features];
  };
}
