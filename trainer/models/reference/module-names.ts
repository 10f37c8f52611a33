/** For networks whose names differ: the names of carpal's variables as modules in bench/pytorch/networks. */
import type { Model } from '../model.ts';
import { fcnResNet50Module, hrNetModule, pretrainedEncoder } from '../pretrained/encoders.ts';
import type { ModuleName } from '../pretrained/pytorch-arrays.ts';

/** Two convolutions in one sequence: each is followed by its normalisation, with a ReLU between them. */
const place = (convolution: string | undefined, normalises: boolean): number => (Number(convolution) - 1) * 3 + (normalises ? 1 : 0);

const nestedUNet: ModuleName = (module, normalises) => {
  const [, node, convolution] = /^node(\d_\d)\/(\d)$/.exec(module) ?? [];
  if (node !== undefined) return `nodes.${node}.${place(convolution, normalises)}`;
  return module.replace(/^side/, 'sides.');
};

const unet3Plus: ModuleName = (module, normalises) => {
  const [, level, convolution] = /^down(\d)\/(\d)$/.exec(module) ?? [];
  if (level !== undefined) return `down.${level}.${place(convolution, normalises)}`;
  const branch = module.replace(/^up(\d)\/from(\d)$/, 'up.$1.branches.$2').replace(/^up(\d)\/mix$/, 'up.$1.mix');
  return branch === module ? module.replace(/^side/, 'sides.') : `${branch}.${normalises ? 1 : 0}`;
};

const fcnResNet50: ModuleName = (module, normalises) => (module === 'head' ? 'classifier.4' : fcnResNet50Module(module, normalises));

const customUNet: ModuleName = (module, normalises) => {
  if (module === 'head') return module;
  const parts = module
    .replace(/^(down|up)(\d)/, '$1/$2')
    .replace('attention/narrow', 'attention/channel/0')
    .replace('attention/widen', 'attention/channel/2')
    .replaceAll('/', '.');
  return /attention|grow/.test(parts) ? parts : `${parts}.${normalises ? 1 : 0}`;
};

const hrNet: ModuleName = (module, normalises) => {
  const encoder = hrNetModule(module, normalises);
  if (encoder !== undefined) return `backbone.${encoder}`;
  return module === 'head' ? 'last_layer.3' : `last_layer.${normalises ? 1 : 0}`;
};

/** The publisher's name of a module of the encoder. */
const inEncoder = (model: Model, module: string, normalises: boolean): string | undefined => {
  const name = pretrainedEncoder(model)?.names[0].moduleName(module, normalises);
  return name === undefined ? undefined : `encoder.${name}`;
};

const unetPlusPlus =
  (model: Model): ModuleName =>
  (module, normalises) => {
    const encoder = inEncoder(model, module, normalises);
    if (encoder !== undefined) return encoder;
    const [, node, convolution] = /^node(\d_\d)\/(\d)$/.exec(module) ?? [];
    return node === undefined ? 'segmentation_head.0' : `decoder.blocks.x_${node}.conv${convolution}.${normalises ? 1 : 0}`;
  };

const encoderUNet =
  (model: Model): ModuleName =>
  (module, normalises) => {
    const encoder = inEncoder(model, module, normalises);
    if (encoder !== undefined) return encoder;
    const [, level, convolution] = /^up(\d)\/(\d)$/.exec(module) ?? [];
    return level === undefined ? 'segmentation_head.0' : `decoder.blocks.${Number(level) - 1}.conv${convolution}.${normalises ? 1 : 0}`;
  };

const MODULE_NAMES: Readonly<Record<string, (model: Model) => ModuleName>> = {
  NestedUNet: () => nestedUNet,
  UNet3Plus: () => unet3Plus,
  FCNResNet50: () => fcnResNet50,
  CustomUNet: () => customUNet,
  HRNet: () => hrNet,
  UNetPlusPlus: unetPlusPlus,
  EncoderUNet: encoderUNet,
};

/** The names of a model's modules in bench/pytorch/networks; undefined if they are the same. */
export function moduleNamesOf(model: Model): ModuleName | undefined {
  return MODULE_NAMES[model.name]?.(model);
}
