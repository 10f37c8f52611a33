/** Every network of the registry, in a form small enough to train in a test. */
import type { Model, ModelBuild, NetworkOptions } from '../../models/model.ts';
import { MODELS } from '../../models/registry.ts';

/**
 * Small forms that run all of a network's code. In smaller ones, the terms of some gradients cancel until only rounding errors are left.
 */
export const SMALL_NETWORKS: readonly [name: string, options: NetworkOptions][] = [
  ['UNet', { width: 8 }],
  ['SlimUNet', { width: 4, depth: 3 }],
  ['NestedUNet', { width: 8 }],
  ['NestedUNet', { width: 8, deepSupervision: true }],
  ['UNet3Plus', { width: 8 }],
  ['UNet3Plus', { width: 8, guidance: true, deepSupervision: true }],
  ['FCNResNet50', { width: 8 }],
  ['CustomUNet', { width: 4 }],
  ['CustomUNet', { width: 4, variant: 'improved' }],
  ['DUCKNet', { width: 2 }],
  ['RAPUNet', { width: 2, divisor: 16 }],
  ['RAPUNet', { width: 2, divisor: 16, head: 'published' }],
  ['SegFormer', { variant: 'B0', divisor: 8 }],
  ['SegFormer', { variant: 'published', divisor: 16 }],
  ['HRNet', { variant: 'W18', divisor: 6 }],
  ['UNetPlusPlus', { divisor: 8 }],
  ['UNetPlusPlus', { encoder: 'ResNet50', divisor: 8 }],
  ['UNetPlusPlus', { encoder: 'EfficientNetLite0', divisor: 4 }],
  ['EncoderUNet', { divisor: 8 }],
  ['EncoderUNet', { encoder: 'EfficientNetB0', divisor: 4 }],
  ['UNetPlusPlus', { encoder: 'ConvNeXtTiny', divisor: 8 }],
];

/**
 * A network of that table. Does not use buildModel: manifests cannot set the width of UNet, and at full width its test takes half a minute.
 */
export function buildSmall(name: string, build: ModelBuild): Model {
  const model = MODELS.find((entry) => entry.name === name)?.build(build);
  if (!model) throw new Error(`there is no network "${name}"`);
  return model;
}
