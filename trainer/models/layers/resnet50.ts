import { maxPool3x3Stride2 } from '../../engine/ops/max-pool.ts';
import { relu } from '../../engine/ops/relu.ts';
import { tf } from '../../engine/tensorflow.ts';
import { convNorm, convNormRelu, type Layer } from './conv-norm-relu.ts';
import type { VariableMaker } from './variables.ts';

/** Blocks of the four stages. */
const RESNET50_BLOCKS = [3, 4, 6, 3] as const;
/** The result of a block has this many times the channels of its middle. */
const EXPANSION = 4;
const INPUT_CHANNELS = 3;

/** How the first block of a stage steps, and how far the 3×3 kernels of the first and of the other blocks reach. */
type Stage = { readonly stride: number; readonly firstDilation: number; readonly dilation: number };
const DILATED: readonly Stage[] = [
  { stride: 1, firstDilation: 1, dilation: 1 },
  { stride: 2, firstDilation: 1, dilation: 1 },
  { stride: 1, firstDilation: 1, dilation: 2 },
  { stride: 1, firstDilation: 2, dilation: 4 },
];

/**
 * ResNet-50's features (He and others 2016) as torchvision builds them for segmentation: the last two stages widen their kernels' reach instead
 * of halving the size, so images `[batch, height, width, 1]` become `[batch, height/8, width/8, 32·width]`. 23,508,032 parameters at
 * width 64. Names: `stem`, `stage1/1/{narrow,middle,widen,shortcut}` and so on.
 */
export function resNet50(make: VariableMaker, name: string, width: number): Layer {
  const stem = convNormRelu(make, `${name}/stem`, { from: INPUT_CHANNELS, to: width, size: 7, stride: 2, onImages: true });
  let from = width;
  const blocks = RESNET50_BLOCKS.flatMap((count, stage) => {
    const { stride, firstDilation, dilation } = DILATED[stage] as Stage;
    const middle = width * 2 ** stage;
    return Array.from({ length: count }, (_, index) => {
      const geometry = index === 0 ? { stride, dilation: firstDilation } : { stride: 1, dilation };
      const block = bottleneck(make, `${name}/stage${stage + 1}/${index + 1}`, { from, middle, ...geometry });
      from = middle * EXPANSION;
      return block;
    });
  });
  return (images, training) => {
    let x = tf.tidy(() => maxPool3x3Stride2(stem(images, training)));
    for (const block of blocks) x = block(x, training);
    return x;
  };
}

type BottleneckOptions = { readonly from: number; readonly middle: number; readonly stride: number; readonly dilation: number };

/** 1×1, 3×3 and 1×1 convolutions beside the input itself, or its projection where size or channels change. */
function bottleneck(make: VariableMaker, name: string, { from, middle, stride, dilation }: BottleneckOptions): Layer {
  const to = middle * EXPANSION;
  const narrow = convNormRelu(make, `${name}/narrow`, { from, to: middle, size: 1 });
  const across = convNormRelu(make, `${name}/middle`, { from: middle, to: middle, stride, dilation });
  const widen = convNorm(make, `${name}/widen`, { from: middle, to, size: 1 });
  const shortcut = stride === 1 && from === to ? undefined : convNorm(make, `${name}/shortcut`, { from, to, size: 1, stride });
  return (x, training) =>
    tf.tidy(() => {
      const changed = widen(across(narrow(x, training), training), training);
      return relu(tf.add(changed, shortcut ? shortcut(x, training) : x));
    });
}
