/** The names of EfficientNet (models/layers/efficient-net.ts) in published files. */
import { type EfficientNetName, efficientNetBlocks } from '../layers/efficient-net.ts';
import type { ModuleName } from './pytorch-arrays.ts';

/** The names of a convolution and of its normalisation, if it has one. */
type Pair = readonly [convolution: string, normalisation?: string];

type EfficientNetFile = {
  readonly stem: Pair;
  /** Stages and blocks count from 0; `before` is the number of blocks in the stages before. */
  readonly block: (stage: number, block: number, before: number) => string;
  /** The parts of a block in the first stage, whose blocks do not expand, and in the others. */
  readonly parts: (stage: number) => Readonly<Record<string, Pair>>;
};

const moduleNames =
  (kind: EfficientNetName, { stem, block: blockName, parts }: EfficientNetFile): ModuleName =>
  (module, normalises) => {
    const which = normalises ? 1 : 0;
    if (module === 'encoder/stem') return stem[which];
    const [, number, place, part = ''] = /^encoder\/stage(\d)\/(\d+)\/(\w+)$/.exec(module) ?? [];
    const stage = Number(number) - 1;
    const name = number === undefined ? undefined : parts(stage)[part]?.[which];
    if (name === undefined) return undefined;
    const before = efficientNetBlocks(kind)
      .slice(0, stage)
      .reduce((sum, count) => sum + count, 0);
    return `${blockName(stage, Number(place) - 1, before)}.${name}`;
  };

/** The names of the package efficientnet_pytorch, which has one list of blocks. */
const ONE_LIST: EfficientNetFile = {
  stem: ['_conv_stem', '_bn0'],
  block: (_, block, before) => `_blocks.${before + block}`,
  parts: () => ({
    expand: ['_expand_conv', '_bn0'],
    depthwise: ['_depthwise_conv', '_bn1'],
    squeeze: ['_se_reduce'],
    excite: ['_se_expand'],
    project: ['_project_conv', '_bn2'],
  }),
};

const TIMM: EfficientNetFile = {
  stem: ['conv_stem', 'bn1'],
  block: (stage, block) => `blocks.${stage}.${block}`,
  parts: (stage) => ({
    squeeze: ['se.conv_reduce'],
    excite: ['se.conv_expand'],
    ...(stage === 0
      ? { depthwise: ['conv_dw', 'bn1'], project: ['conv_pw', 'bn2'] }
      : { expand: ['conv_pw', 'bn1'], depthwise: ['conv_dw', 'bn2'], project: ['conv_pwl', 'bn3'] }),
  }),
};

/** The last convolution and the classifier of whole images are not used. */
const REST = /^(_conv_head|_bn1|_fc|conv_head|bn2|classifier)\.|\.num_batches_tracked$/;

type Names = { readonly moduleName: ModuleName; readonly ignored: RegExp };

/** The names of the converted TensorFlow weights: with the keys of efficientnet_pytorch, or as timm's `tf_efficientnet_…`. */
export function efficientNetNames(kind: EfficientNetName): readonly [Names, ...Names[]] {
  return [
    { moduleName: moduleNames(kind, ONE_LIST), ignored: REST },
    { moduleName: moduleNames(kind, TIMM), ignored: REST },
  ];
}
