import type { EncoderName } from '../encoder.ts';
import type { EfficientNetName } from '../layers/efficient-net.ts';
import type { Model } from '../model.ts';
import { convNextModule } from './convnext-names.ts';
import { efficientNetNames } from './efficient-net-names.ts';
import { MIT_NAMES } from './mit-names.ts';
import type { ModuleName } from './pytorch-arrays.ts';

/** torchvision's names of the parts of a block: of the convolution, and of its normalisation. */
const PARTS: Readonly<Record<string, readonly [convolution: string, normalisation: string]>> = {
  first: ['conv1', 'bn1'],
  second: ['conv2', 'bn2'],
  narrow: ['conv1', 'bn1'],
  middle: ['conv2', 'bn2'],
  widen: ['conv3', 'bn3'],
  shortcut: ['downsample.0', 'downsample.1'],
};

/** torchvision's name of a part of a residual block (layers/resnet.ts); undefined for any other part. */
function residualPart(part: string, normalises: boolean): string | undefined {
  return PARTS[part]?.[normalises ? 1 : 0];
}

/** torchvision's name of a module of layers/resnet.ts whose name starts with `encoder/`; undefined for modules outside the encoder. */
export function resNetModule(module: string, normalises: boolean): string | undefined {
  if (module === 'encoder/stem') return normalises ? 'bn1' : 'conv1';
  const [, stage, block, part = ''] = /^encoder\/stage(\d)\/(\d+)\/(\w+)$/.exec(module) ?? [];
  const name = residualPart(part, normalises);
  return name === undefined ? undefined : `layer${stage}.${Number(block) - 1}.${name}`;
}

const zeroBased = (number: string | undefined): number => Number(number) - 1;

/** timm's name of a module of HRNet's encoder whose name starts with `encoder/`; undefined for modules outside the encoder. */
export const hrNetModule: ModuleName = (module, normalises) => {
  const [root, place = '', ...path] = module.split('/');
  if (root !== 'encoder') return undefined;
  const kind = normalises ? 1 : 0;
  const [, what, number] = /^(stem|join|stage)(\d)$/.exec(place) ?? [];
  if (what === 'stem') return `${normalises ? 'bn' : 'conv'}${number}`;
  if (what === 'join') return joinName(Number(number), branchOf(path[0]), kind);
  if (what !== 'stage') return undefined;
  const last = residualPart(path.at(-1) ?? '', normalises);
  if (number === '1') return `layer1.${zeroBased(path[0])}.${last}`;
  const inside = path[1] === 'exchange' ? routeName(path.slice(2), kind) : `branches.${branchOf(path[1])}.${zeroBased(path[2])}.${last}`;
  return `${place}.${zeroBased(path[0])}.${inside}`;
};

/** The zero-based index of a branch. */
const branchOf = (name = ''): number => zeroBased(/\d+$/.exec(name)?.[0]);

/** Stage 2 starts with two branches of new channels. In the other stages only the last branch is new; timm wraps it in a sequence. */
const joinName = (stage: number, branch: number, kind: number): string =>
  `transition${stage - 1}.${branch}.${branch === stage - 1 ? `0.${kind}` : kind}`;

/** A larger map passes a sequence of convolutions, a smaller map a single one. */
const routeName = ([to, from, step]: readonly string[], kind: number): string =>
  `fuse_layers.${branchOf(to)}.${branchOf(from)}.${step === undefined ? kind : `${zeroBased(step)}.${kind}`}`;

/** torchvision's name of a module of its fcn_resnet50. It also has the convolution before the head; the head belongs to other classes. */
export const fcnResNet50Module: ModuleName = (module, normalises) => {
  if (module === 'reduce') return `classifier.${normalises ? 1 : 0}`;
  const encoder = resNetModule(module, normalises);
  return encoder === undefined ? undefined : `backbone.${encoder}`;
};

/** The parts of a MetaFormer block under the names that timm and the authors of CAFormer give them. */
const METAFORMER_PARTS: Readonly<Record<string, string>> = {
  mix: 'res_scale1',
  'mix/norm': 'norm1',
  'mix/widen': 'token_mixer.pwconv1',
  'mix/activation': 'token_mixer.act1',
  'mix/depthwise': 'token_mixer.dwconv',
  'mix/narrow': 'token_mixer.pwconv2',
  'mix/qkv': 'token_mixer.qkv',
  'mix/merge': 'token_mixer.proj',
  mlp: 'res_scale2',
  'mlp/norm': 'norm2',
  'mlp/widen': 'mlp.fc1',
  'mlp/activation': 'mlp.act',
  'mlp/narrow': 'mlp.fc2',
};

type MetaFormerNames = {
  readonly shrink: (stage: number, part: 'conv' | 'norm') => string;
  readonly block: (stage: number, block: number) => string;
};

const metaFormer =
  ({ shrink, block }: MetaFormerNames): ModuleName =>
  (module) => {
    const [, stage, place, part = ''] = /^encoder\/stage(\d)\/(\w+)(?:\/(.+))?$/.exec(module) ?? [];
    if (place === 'shrink' || place === 'norm') return shrink(zeroBased(stage), place === 'shrink' ? 'conv' : 'norm');
    const name = METAFORMER_PARTS[part];
    return name === undefined ? undefined : `${block(zeroBased(stage), zeroBased(place))}.${name}`;
  };

const CAFORMER_OF_TIMM = metaFormer({
  shrink: (stage, part) => (stage === 0 ? `stem.${part}` : `stages.${stage}.downsample.${part}`),
  block: (stage, block) => `stages.${stage}.blocks.${block}`,
});

const CAFORMER_OF_AUTHORS = metaFormer({
  shrink: (stage, part) => `downsample_layers.${stage}.${part === 'conv' ? part : stage === 0 ? 'post_norm' : 'pre_norm'}`,
  block: (stage, block) => `stages.${stage}.${block}`,
});

/** How a publisher names the weights of an encoder. */
export type PublishedNames = {
  /** The publisher's name of one of our modules; undefined for modules that the file does not have. */
  readonly moduleName: ModuleName;
  /** Keys of the published file that do not belong to these modules. */
  readonly ignored: RegExp;
};

/**
 * The names of our first convolution and of the array that takes its constant part: the moving mean of the normalisation after it, or its
 * bias. The published weights were trained on normalised colour images.
 */
export type FirstLayer = { readonly kernel: string; readonly movingMean: string } | { readonly kernel: string; readonly bias: string };

/** The mean and standard deviation that normalise the red, green and blue values of images in 0..1. */
export type Normalization = { readonly mean: readonly number[]; readonly deviation: readonly number[] };

/** TensorFlow's normalisation of its networks for small devices: (v − 127) / 128 for values in 0..255. */
const SMALL_DEVICES: Normalization = { mean: Array(3).fill(127 / 255), deviation: Array(3).fill(128 / 255) };

/** How the encoder of a network accepts weights published by another program. */
export type PretrainedEncoder = {
  /** A description of the weights for messages. */
  readonly source: string;
  /** A file has the first names of this list that fit its first kernel. */
  readonly names: readonly [PublishedNames, ...PublishedNames[]];
  readonly first: FirstLayer;
  /** The normalisation of the images with which the weights were trained; IMAGENET if it is absent. */
  readonly normalization?: Normalization;
};

const normalisedFirst = (module: string): FirstLayer => ({ kernel: `${module}/kernel`, movingMean: `${module}/movingMean` });

const RESNET: PublishedNames = { moduleName: resNetModule, ignored: /^fc\.(weight|bias)$|\.num_batches_tracked$/ };

const residual = (source: string): PretrainedEncoder => ({ source, names: [RESNET], first: normalisedFirst('encoder/stem') });

const efficient = (kind: EfficientNetName, source: string): PretrainedEncoder => ({
  source: `efficientnet_pytorch's ${source} or timm's tf_${source.replaceAll('-', '_')}`,
  names: efficientNetNames(kind),
  first: normalisedFirst('encoder/stem'),
});

const lite = (kind: EfficientNetName, source: string): PretrainedEncoder => ({
  ...efficient(kind, source),
  normalization: SMALL_DEVICES,
});

/** The encoders of the networks with the option `encoder`. */
const CHOSEN: Readonly<Record<EncoderName, PretrainedEncoder>> = {
  ResNet34: residual("torchvision's resnet34"),
  ResNet50: residual("torchvision's resnet50"),
  ConvNeXtTiny: {
    source: "torchvision's convnext_tiny",
    names: [{ moduleName: convNextModule, ignored: /^classifier\./ }],
    first: { kernel: 'encoder/stem/kernel', bias: 'encoder/stem/bias' },
  },
  EfficientNetB0: efficient('EfficientNetB0', 'efficientnet-b0'),
  EfficientNetB1: efficient('EfficientNetB1', 'efficientnet-b1'),
  EfficientNetB2: efficient('EfficientNetB2', 'efficientnet-b2'),
  EfficientNetLite0: lite('EfficientNetLite0', 'efficientnet-lite0'),
  EfficientNetLite1: lite('EfficientNetLite1', 'efficientnet-lite1'),
  EfficientNetLite2: lite('EfficientNetLite2', 'efficientnet-lite2'),
};

/** The encoders of the other networks, keyed by network name. */
const FIXED: Readonly<Record<string, PretrainedEncoder>> = {
  FCNResNet50: {
    source: "torchvision's resnet50 or fcn_resnet50",
    names: [RESNET, { moduleName: fcnResNet50Module, ignored: /^(classifier\.4|aux_classifier)\.|\.num_batches_tracked$/ }],
    first: normalisedFirst('encoder/stem'),
  },
  RAPUNet: {
    source: "timm's or the authors' caformer_s18 (divisor 1)",
    // The layers with which both classify whole images.
    names: [
      { moduleName: CAFORMER_OF_TIMM, ignored: /^head\./ },
      { moduleName: CAFORMER_OF_AUTHORS, ignored: /^(norm|head)\./ },
    ],
    first: { kernel: 'encoder/stage1/shrink/kernel', bias: 'encoder/stage1/shrink/bias' },
  },
  SegFormer: {
    source: "the authors' or Hugging Face's mit_b0 to mit_b5, matching a variant B0 to B5,",
    names: MIT_NAMES,
    first: { kernel: 'encoder/stage1/patches/kernel', bias: 'encoder/stage1/patches/bias' },
  },
  HRNet: {
    source: "timm's hrnet_w18, hrnet_w32 or hrnet_w48, matching the variant,",
    // The layers with which timm classifies whole images from the four maps.
    names: [
      {
        moduleName: hrNetModule,
        ignored: /^(incre_modules|downsamp_modules|final_layer|classifier)\.|\.num_batches_tracked$/,
      },
    ],
    first: normalisedFirst('encoder/stem1'),
  },
};

/** How the encoder of a model accepts published weights; undefined if the model has no such encoder. */
export function pretrainedEncoder({ name, options }: Pick<Model, 'name' | 'options'>): PretrainedEncoder | undefined {
  return FIXED[name] ?? CHOSEN[options['encoder'] as EncoderName];
}
