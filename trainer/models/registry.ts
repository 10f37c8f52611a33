import { CarpalError } from '@carpal/configs/errors.ts';
import { buildCustomUNet } from './custom-unet.ts';
import { buildDuckNet } from './duck-net.ts';
import { buildEncoderUNet } from './encoder-unet.ts';
import { buildFCNResNet50 } from './fcn-resnet50.ts';
import { buildHRNet } from './hrnet.ts';
import type { Model, ModelBuild, NetworkOptions, OptionValue } from './model.ts';
import { buildNestedUNet } from './nested-unet.ts';
import { buildRapuNet } from './rapu-net.ts';
import { buildSegFormer } from './segformer.ts';
import { buildSlimUNet } from './slim-unet.ts';
import { buildUNet } from './unet.ts';
import { buildUNetPlusPlus } from './unet-plus-plus.ts';
import { buildUNet3Plus } from './unet3plus.ts';

/** A network that experiments can use. */
export type ModelEntry = {
  readonly name: string;
  readonly summary: string;
  /** The options that it accepts. */
  readonly options: readonly (keyof NetworkOptions)[];
  readonly build: (build: ModelBuild) => Model;
};

export const MODELS: readonly ModelEntry[] = [
  { name: 'UNet', summary: "the original's U-Net, 64 to 512 channels", options: [], build: buildUNet },
  { name: 'SlimUNet', summary: 'a U-Net of any width and depth, for small machines', options: ['width', 'depth'], build: buildSlimUNet },
  {
    name: 'NestedUNet',
    summary: 'UNet++: every level is refined step by step',
    options: ['width', 'deepSupervision'],
    build: buildNestedUNet,
  },
  {
    name: 'UNet3Plus',
    summary: 'UNet 3+: every decoder level sees all scales; 27,572,435 with all heads and guidance',
    options: ['width', 'guidance', 'deepSupervision'],
    build: buildUNet3Plus,
  },
  {
    name: 'FCNResNet50',
    summary: 'a dilated ResNet-50 and one convolution; accepts pretrained weights',
    options: ['width'],
    build: buildFCNResNet50,
  },
  {
    name: 'CustomUNet',
    summary: "the original's U-Net of dilated convolutions and attention, as published or improved",
    options: ['width', 'variant'],
    build: buildCustomUNet,
  },
  { name: 'DUCKNet', summary: 'six kinds of convolution in parallel on every level', options: ['width'], build: buildDuckNet },
  {
    name: 'RAPUNet',
    summary: 'convolutions next to a CAFormer-S18; accepts pretrained weights',
    options: ['width', 'head', 'divisor'],
    build: buildRapuNet,
  },
  {
    name: 'SegFormer',
    summary: "a transformer; B0 to B5, which accept pretrained weights, or the original's own",
    options: ['variant', 'divisor'],
    build: buildSegFormer,
  },
  {
    name: 'HRNet',
    summary: 'keeps a map at 1/4 of the size throughout, W18 to W48; accepts pretrained weights',
    options: ['variant', 'divisor'],
    build: buildHRNet,
  },
  {
    name: 'UNetPlusPlus',
    summary: 'UNet++ on a ResNet, an EfficientNet or ConvNeXt-T; accepts pretrained weights',
    options: ['encoder', 'divisor'],
    build: buildUNetPlusPlus,
  },
  {
    name: 'EncoderUNet',
    summary: "U-Net's decoder on the same encoders as UNetPlusPlus; accepts pretrained weights",
    options: ['encoder', 'divisor'],
    build: buildEncoderUNet,
  },
];

/**
 * Builds the network `name` with new weights. Throws CarpalError `model-unknown` for a name that is not in the table, and
 * `manifest-invalid` for an option that the network does not accept.
 */
export function buildModel({
  name,
  options = {},
  classes,
  seed,
}: {
  name: string;
  options?: NetworkOptions;
  classes: number;
  seed: number;
}): Model {
  const entry = MODELS.find((model) => model.name === name);
  if (!entry)
    throw new CarpalError('model-unknown', `there is no network "${name}"; choose one of ${MODELS.map((model) => model.name).join(', ')}`);
  const strange = Object.keys(options).filter((option) => !entry.options.includes(option as keyof NetworkOptions));
  if (strange.length > 0) {
    throw new CarpalError('manifest-invalid', `${name} does not accept ${strange.join(', ')}`, { where: 'spec.model.options' });
  }
  return entry.build({ options, classes, seed });
}

/** A network as `carpal models` lists it. */
export type ModelDescription = {
  readonly name: string;
  readonly summary: string;
  /** Number of trainable values. */
  readonly parameters: number;
  /** Height, width and classes of the logits of one image. */
  readonly outputShape: readonly [number, number, number];
  /** Options with their defaults. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Image sizes must be multiples of this number. */
  readonly sizeMultiple: number;
};

/** Every network of the registry with its default options, for this many classes and this image size. */
export function describeModels(classes: number, size: number): ModelDescription[] {
  return MODELS.map(({ name, summary, build }) => {
    const model = build({ options: {}, classes, seed: 0 });
    model.dispose();
    const { parameterCount, options, sizeMultiple } = model;
    return { name, summary, parameters: parameterCount, outputShape: [size, size, classes], options, sizeMultiple };
  });
}
