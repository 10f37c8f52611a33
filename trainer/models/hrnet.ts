import { relu } from '../engine/ops/activations.ts';
import { batchNorm } from '../engine/ops/batch-norm.ts';
import { conv2d } from '../engine/ops/conv2d.ts';
import { upsampleBilinear } from '../engine/ops/upsample.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { chooseVariant, defineModel } from './define-model.ts';
import { convNorm, convNormRelu } from './layers/conv-norm.ts';
import { head } from './layers/head.ts';
import { batchNormVariables, type Layer } from './layers/normalization.ts';
import { BASIC, BOTTLENECK, type ResidualBlock } from './layers/resnet.ts';
import { type VariableMaker, variableMaker } from './layers/variables.ts';
import type { Model, ModelBuild } from './model.ts';

/** The smallest branch is at 1/32 of the image. */
const SIZE_MULTIPLE = 32;
/** Logits are computed at 1/4 of the image. */
const DECODED_AT = 4;

type Chosen = { readonly variant: HRNetVariant; readonly divisor: number };

/**
 * HRNetV2 (Wang et al. 2020) without OCR. It keeps a map at 1/4 of the size through the whole network. The four branches are resized to 1/4
 * and concatenated. The head is a 1×1 convolution with bias and the same number of channels, normalisation, ReLU, a 1×1 convolution to the
 * classes, and bilinear up-sampling by 4. At 29 classes W18 has 9,643,829 parameters, W32 29,551,325 and W48 65,866,589 (at Cityscapes' 19
 * classes W48 has 65,859,379: the paper's 65.9 M). The encoder accepts timm's pretrained weights (pretrained/encoders.ts). timm resizes
 * between branches by nearest neighbour; this network does it bilinearly, as the authors do for segmentation.
 */
export function buildHRNet({ options, classes, seed }: ModelBuild): Model {
  const chosen: Chosen = { variant: chooseVariant('HRNet', HRNET_WIDTHS, options.variant ?? 'W48'), divisor: options.divisor ?? 1 };
  return defineModel({ name: 'HRNet', options: chosen, classes, sizeMultiple: SIZE_MULTIPLE }, (variables) =>
    hrNetLayers(variableMaker(seed, variables), classes, chosen),
  );
}

/** The layers and their variables. */
export function hrNetLayers(make: VariableMaker, classes: number, { variant, divisor }: Chosen) {
  const shape = hrNetShape(variant, divisor);
  const encode = hrNetEncoder(make, 'encoder', shape);
  const join = joinAtFirst(make, 'join', shape.widths);
  const answer = head(make, 'head', sum(shape.widths), classes);
  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    const joined = join(encode(images, training), training);
    return [tf.tidy(() => upsampleBilinear(answer(joined), DECODED_AT))];
  };
}

/**
 * Resizes the maps to the size of the first one, concatenates them, and applies a 1×1 convolution, normalisation and ReLU. Interpolation
 * and a 1×1 convolution commute, so each map's share of the convolution is computed at the map's own size. The numbers and gradients are
 * the same, with a fraction of the work.
 */
function joinAtFirst(make: VariableMaker, name: string, widths: readonly number[]) {
  const channels = sum(widths);
  const kernel = make.normal(`${name}/kernel`, [1, 1, channels, channels], Math.sqrt(2 / channels));
  const offset = make.constant(`${name}/bias`, [channels], 0);
  const norm = batchNormVariables(make, name, channels);
  return (maps: readonly Tensor4D[], training: boolean): Tensor4D =>
    tf.tidy(() => {
      const shares = tf.split(kernel as unknown as Tensor4D, [...widths], 2);
      const brought = maps.map((map, branch) => upsampleBilinear(conv2d(map, shares[branch] as Tensor4D), 2 ** branch));
      return relu(batchNorm(tf.addN(brought) as Tensor4D, { ...norm, offset }, training));
    });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const INPUT_CHANNELS = 3;
/** Residual blocks in the first stage, and in each branch of a module. */
const BLOCKS = 4;
/** Number of modules in the second, third and fourth stage, which have two, three and four branches. */
const MODULES = [1, 4, 3] as const;

/**
 * HRNet's features (Wang et al. 2020, "Deep High-Resolution Representation Learning for Visual Recognition"): images `[batch, height,
 * width, 1]` become maps at 1/4, 1/8, 1/16 and 1/32 of the size, with the channels `shape.widths`. The map at 1/4 is kept through the whole
 * network. Each stage adds a smaller branch, and all branches exchange information after every four blocks. Names: `stem1`, `stem2`,
 * `stage1/1/…`, `join2/branch1`, `stage2/1/branch1/1/…`, `stage2/1/exchange/to1/from2`.
 */
export function hrNetEncoder(make: VariableMaker, name: string, { stem, widths }: HRNetShape) {
  const first = convNormRelu(make, `${name}/stem1`, { from: INPUT_CHANNELS, to: stem, stride: 2, onImages: true });
  const second = convNormRelu(make, `${name}/stem2`, { from: stem, to: stem, stride: 2 });
  const wide = residualBlocks(make, `${name}/stage1`, { block: BOTTLENECK, from: stem, middle: stem });
  let before: readonly number[] = [stem * BOTTLENECK.expansion];
  const stages = MODULES.map((count, index) => {
    const after = widths.slice(0, index + 2);
    const join = joining(make, `${name}/join${index + 2}`, before, after);
    before = after;
    return [join, ...Array.from({ length: count }, (_, module) => branches(make, `${name}/stage${index + 2}/${module + 1}`, after))];
  });
  return (images: Tensor4D, training: boolean): readonly Tensor4D[] => {
    let maps: readonly Tensor4D[] = [wide(second(first(images, training), training), training)];
    for (const layer of stages.flat()) maps = layer(maps, training);
    return maps;
  };
}

type BlockRow = { readonly block: ResidualBlock; readonly from: number; readonly middle: number };

function residualBlocks(make: VariableMaker, name: string, { block, from, middle }: BlockRow): Layer {
  const blocks = Array.from({ length: BLOCKS }, (_, index) =>
    block.make(make, `${name}/${index + 1}`, { from: index === 0 ? from : middle * block.expansion, middle }),
  );
  return (x, training) => blocks.reduce((y, each) => each(y, training), x);
}

/** Converts existing maps to their new channels if these differ. Halves the last map once more to start the new branch. */
function joining(make: VariableMaker, name: string, before: readonly number[], after: readonly number[]): BranchLayer {
  const layers = after.map((to, branch): Layer => {
    const from = before[branch] ?? (before.at(-1) as number);
    if (branch < before.length && from === to) return (x) => x;
    return convNormRelu(make, `${name}/branch${branch + 1}`, { from, to, stride: branch < before.length ? 1 : 2 });
  });
  return (maps, training) => layers.map((layer, branch) => layer(maps[branch] ?? (maps.at(-1) as Tensor4D), training));
}

/** A module: residual blocks on every branch, then the exchange. */
function branches(make: VariableMaker, name: string, widths: readonly number[]): BranchLayer {
  const rows = widths.map((width, branch) =>
    residualBlocks(make, `${name}/branch${branch + 1}`, { block: BASIC, from: width, middle: width }),
  );
  const share = exchange(make, `${name}/exchange`, widths);
  return (maps, training) =>
    share(
      rows.map((row, branch) => row(maps[branch] as Tensor4D, training)),
      training,
    );
}

/** Converts the maps of all branches to the same number of maps with the same shapes. */
export type BranchLayer = (maps: readonly Tensor4D[], training: boolean) => readonly Tensor4D[];

/**
 * The exchange between branches. Each branch becomes the ReLU of a sum over all branches, which are first converted to its size and
 * channels. A smaller map passes a 1×1 convolution and bilinear interpolation. A larger map passes one 3×3 convolution with stride 2 for
 * each halving, with ReLUs between them. Names: `to1/from2`, and `to3/from1/1` for the steps down.
 */
export function exchange(make: VariableMaker, name: string, widths: readonly number[]): BranchLayer {
  const routes = widths.map((_, to) =>
    widths.map((_width, from) => route(make, `${name}/to${to + 1}/from${from + 1}`, { widths, from, to })),
  );
  return (maps, training) =>
    routes.map((into) => tf.tidy(() => relu(tf.addN(into.map((bring, from) => bring(maps[from] as Tensor4D, training))) as Tensor4D)));
}

type Route = { readonly widths: readonly number[]; readonly from: number; readonly to: number };

function route(make: VariableMaker, name: string, { widths, from, to }: Route): Layer {
  const [start, end] = [widths[from] as number, widths[to] as number];
  if (from === to) return (x) => x;
  if (from > to) {
    const convolve = convNorm(make, name, { from: start, to: end, size: 1 });
    return (x, training) => tf.tidy(() => upsampleBilinear(convolve(x, training), 2 ** (from - to)));
  }
  const steps = Array.from({ length: to - from }, (_, index) => {
    const isLast = index === to - from - 1;
    return (isLast ? convNorm : convNormRelu)(make, `${name}/${index + 1}`, { from: start, to: isLast ? end : start, stride: 2 });
  });
  return (x, training) => tf.tidy(() => steps.reduce((y, step) => step(y, training), x));
}

/** The published widths of HRNet: channels of the branch at 1/4 of the image. */
export type HRNetVariant = 'W18' | 'W32' | 'W48';

/** Channels at 1/4. */
export const HRNET_WIDTHS: Readonly<Record<HRNetVariant, number>> = { W18: 18, W32: 32, W48: 48 };
const STEM = 64;
const BRANCHES = 4;

export type HRNetShape = {
  /** Channels of the stem and of the middle of the first stage's blocks. */
  readonly stem: number;
  /** Channels of the branches at 1/4, 1/8, 1/16 and 1/32. */
  readonly widths: readonly number[];
};

/** The shape of a variant with every width divided by `divisor`, rounded down, at least one channel. */
export function hrNetShape(variant: HRNetVariant, divisor: number): HRNetShape {
  const divided = (width: number): number => Math.max(1, Math.floor(width / divisor));
  const width = divided(HRNET_WIDTHS[variant]);
  return { stem: divided(STEM), widths: Array.from({ length: BRANCHES }, (_, branch) => width * 2 ** branch) };
}
