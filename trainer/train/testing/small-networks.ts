import type { ModelName, ModelOptions } from '@carpal/configs/schema/experiment.ts';

/** For every network that a manifest may name, options that make it small enough to be trained in a test; UNet has one size only. */
export const SMALL_NETWORKS: Readonly<Record<ModelName, ModelOptions>> = {
  UNet: {},
  SlimUNet: { width: 4, depth: 3 },
  NestedUNet: { width: 4 },
  UNet3Plus: { width: 4, guidance: true },
  FCNResNet50: { width: 2 },
  CustomUNet: { width: 4 },
  DUCKNet: { width: 2 },
  RAPUNet: { width: 2, divisor: 16 },
  SegFormer: { variant: 'B0', divisor: 4 },
  HRNet: { variant: 'W18', divisor: 6 },
  UNetPlusPlus: { divisor: 16 },
};

/** A side that all of them take, and that leaves more than a pixel at the bottom of the deepest, whose statistics normalise it. */
export const SMALL_SIZE = 64;
