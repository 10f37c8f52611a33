import { maxPool3x3Stride2 } from '../../engine/ops/max-pool.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { convNormRelu } from './conv-norm-relu.ts';
import { BASIC, BOTTLENECK, type ResidualBlock } from './residual-blocks.ts';
import type { VariableMaker } from './variables.ts';

/** The residual networks that encode images. */
export type ResNetName = 'ResNet34' | 'ResNet50';

const KINDS: Readonly<Record<ResNetName, ResidualBlock>> = { ResNet34: BASIC, ResNet50: BOTTLENECK };
/** Blocks of the four stages, of both. */
const BLOCKS = [3, 4, 6, 3] as const;
const INPUT_CHANNELS = 3;

/** How the first block of a stage steps, and how far the 3×3 kernels of the first and of the other blocks reach. */
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
  /** Channels of the stem; the stages' blocks have 1, 2, 4 and 8 times as many in their middle. */
  readonly width: number;
  /** Widens the reach of the kernels of the last two stages instead of halving the size there, as torchvision does for segmentation. */
  readonly dilated?: boolean;
};

/** Channels of the stem's and of the four stages' features. */
export function resNetWidths(kind: ResNetName, width: number): number[] {
  return [width, ...BLOCKS.map((_, stage) => width * 2 ** stage * KINDS[kind].expansion)];
}

/**
 * The features of a residual network (He and others 2016), as torchvision builds it, of images `[batch, height, width, 1]`: the stem's at
 * 1/2 of the size and the four stages' at 1/4, 1/8, 1/16 and 1/32 (1/8 three times when `dilated`), with the channels of `resNetWidths`.
 * At width 64 ResNet-34 has 21,284,672 parameters and ResNet-50 23,508,032. Names: `stem`, `stage1/1/…` and so on, with the blocks' own.
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
