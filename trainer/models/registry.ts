import { CarpalError } from '@carpal/configs/errors.ts';
import { buildCustomUNet } from './custom-unet.ts';
import { buildDuckNet } from './duck-net.ts';
import { buildFCNResNet50 } from './fcn-resnet50.ts';
import { buildHRNet } from './hrnet.ts';
import type { Model, ModelBuild, NetworkOptions } from './model.ts';
import { buildNestedUNet } from './nested-unet.ts';
import { buildRapuNet } from './rapu-net.ts';
import { buildSegFormer } from './segformer.ts';
import { buildSlimUNet } from './slim-unet.ts';
import { buildUNet } from './unet.ts';
import { buildUNetPlusPlus } from './unet-plus-plus.ts';
import { buildUNet3Plus } from './unet3plus.ts';

/** A network that experiments may name. */
export type ModelEntry = {
  readonly name: string;
  readonly summary: string;
  /** The options that it takes. */
  readonly options: readonly (keyof NetworkOptions)[];
  readonly build: (build: ModelBuild) => Model;
};

export const MODELS: readonly ModelEntry[] = [
  { name: 'UNet', summary: "the original's U-Net, 64 to 512 channels", options: [], build: buildUNet },
  { name: 'SlimUNet', summary: 'a U-Net of any width and depth, for small machines', options: ['width', 'depth'], build: buildSlimUNet },
  {
    name: 'NestedUNet',
    summary: 'UNet++: every level refined step by step',
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
    summary: 'ResNet-50, dilated, and one convolution; takes pretrained weights',
    options: ['width'],
    build: buildFCNResNet50,
  },
  { name: 'CustomUNet', summary: "the original's U-Net of dilated convolutions and attention", options: ['width'], build: buildCustomUNet },
  { name: 'DUCKNet', summary: 'six kinds of convolution side by side on every level', options: ['width'], build: buildDuckNet },
  {
    name: 'RAPUNet',
    summary: 'convolutions beside a CAFormer-S18; 44,647,848 with the published head',
    options: ['width', 'head', 'divisor'],
    build: buildRapuNet,
  },
  {
    name: 'SegFormer',
    summary: "a transformer, B0 to B5 or the original's own",
    options: ['variant', 'divisor'],
    build: buildSegFormer,
  },
  {
    name: 'HRNet',
    summary: 'a map at 1/4 of the size all the way through, W18 to W48; takes pretrained weights',
    options: ['variant', 'divisor'],
    build: buildHRNet,
  },
  {
    name: 'UNetPlusPlus',
    summary: 'UNet++ on a ResNet-34 or ResNet-50; takes pretrained weights',
    options: ['encoder', 'divisor'],
    build: buildUNetPlusPlus,
  },
];

/**
 * The network `name` with fresh weights. CarpalError `model-unknown` for a name that is not in the table, `manifest-invalid` for an option
 * that the network does not take.
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
    throw new CarpalError('model-unknown', `there is no network "${name}"; there are ${MODELS.map((model) => model.name).join(', ')}`);
  const strange = Object.keys(options).filter((option) => !entry.options.includes(option as keyof NetworkOptions));
  if (strange.length > 0) {
    throw new CarpalError('manifest-invalid', `${name} does not take ${strange.join(', ')}`, { where: 'spec.model.options' });
  }
  return entry.build({ options, classes, seed });
}
