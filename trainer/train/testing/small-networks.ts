import type { ModelName, ModelOptions } from '@carpal/configs/schema/experiment.ts';

/** Options that make each network small enough to train in a test. UNet has only one size. */
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
  EncoderUNet: { encoder: 'EfficientNetLite0', divisor: 8 },
};

/** A side that all of them accept. It leaves more than one pixel at the lowest resolution, where normalisation needs statistics. */
export const SMALL_SIZE = 64;
