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

/** How the encoder of a network accepts weights published by another program. */
export type PretrainedEncoder = {
  /** A description of the weights for messages. */
  readonly source: string;
  /** The publisher's name of one of our modules; undefined for modules outside the encoder. */
  readonly moduleName: ModuleName;
  /** Keys of the published file that do not belong to the features. */
  readonly ignored: RegExp;
  /** The names of our first convolution and of the moving mean after it. The published weights were trained on normalised colour images. */
  readonly first: { readonly kernel: string; readonly movingMean: string };
};

const firstOf = (module: string) => ({ kernel: `${module}/kernel`, movingMean: `${module}/movingMean` });

const resNet = (source: string): PretrainedEncoder => ({
  source,
  moduleName: resNetModule,
  ignored: /^fc\.(weight|bias)$|\.num_batches_tracked$/,
  first: firstOf('encoder/stem'),
});

/** The encoders that accept published weights, keyed by network name. */
export const PRETRAINED: Readonly<Record<string, PretrainedEncoder>> = {
  FCNResNet50: resNet("torchvision's resnet50"),
  UNetPlusPlus: resNet("torchvision's resnet34 or resnet50, matching the encoder,"),
  HRNet: {
    source: "timm's hrnet_w18, hrnet_w32 or hrnet_w48, matching the variant,",
    moduleName: hrNetModule,
    // The layers with which timm classifies whole images from the four maps.
    ignored: /^(incre_modules|downsamp_modules|final_layer|classifier)\.|\.num_batches_tracked$/,
    first: firstOf('encoder/stem1'),
  },
};
