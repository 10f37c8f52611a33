/**
 * Which options belong to which network and augmentation, and what they are when left out. The schema cannot say it (a structural schema has
 * no unions); the rules and the completion both read it here, and in objective-options.ts.
 */
import type { AugmentationName, AugmentationSpec, ManifestSpec, ModelName, ModelOptions, ModelSpec } from './experiment.ts';
import { HRNET_VARIANTS, SEGFORMER_VARIANTS } from './learning.ts';
import { completeSchedule, type Defaults, given, LOSS_OPTIONS, OPTIMIZER_OPTIONS } from './objective-options.ts';

export const MODEL_OPTIONS: Readonly<Record<ModelName, Defaults<ModelOptions>>> = {
  UNet: {},
  SlimUNet: { width: 16, depth: 5 },
  NestedUNet: { width: 32 },
  UNet3Plus: { width: 64, guidance: false },
  FCNResNet50: { width: 64 },
  CustomUNet: { width: 64 },
  DUCKNet: { width: 16 },
  RAPUNet: { width: 16, head: 'perClass', divisor: 1 },
  SegFormer: { variant: 'B2', divisor: 1 },
  HRNet: { variant: 'W48', divisor: 1 },
  UNetPlusPlus: { encoder: 'ResNet34', divisor: 1 },
};

/** Networks with variants, and which. */
export const VARIANTS: { readonly [Name in ModelName]?: readonly string[] } = { SegFormer: SEGFORMER_VARIANTS, HRNet: HRNET_VARIANTS };

export type AugmentationOptions = Omit<AugmentationSpec, 'name' | 'probability'>;

/**
 * elastic: alpha, the farthest move, and sigma, the smoothness, as fractions of the square's side. gaussianBlur: low and high in pixels of
 * the square. wristCrop: low and high in sides of the carpals' box. gaussianNoise: sigma in units of the 0..1 image. gamma: exponents.
 */
export const AUGMENTATION_OPTIONS: Readonly<Record<AugmentationName, Defaults<AugmentationOptions>>> = {
  rotate: { degrees: 15 },
  flipHorizontal: {},
  shiftScaleRotate: { shift: 0.05, scale: 0.05, degrees: 5 },
  brightnessContrast: { brightness: 0.1, contrast: 0.1 },
  elastic: { alpha: 0.02, sigma: 0.06 },
  gridDistortion: { steps: 5, limit: 0.2 },
  wristCrop: { low: 1.5, high: 3 },
  gamma: { low: 0.8, high: 1.25 },
  clahe: { clipLimit: 2, tiles: 8 },
  gaussianBlur: { low: 0.3, high: 1 },
  gaussianNoise: { sigma: 0.02 },
};

/** What an option must be at least for one augmentation, above what the schema asks of it for all. */
export const AUGMENTATION_LEAST = [
  { name: 'elastic', option: 'sigma', least: 0.01, why: 'a finer field is noise, not a bend' },
  { name: 'wristCrop', option: 'low', least: 1, why: 'a smaller window would cut the carpals off' },
] as const satisfies readonly { name: AugmentationName; option: keyof AugmentationOptions; least: number; why: string }[];

/** Augmentations that draw from low to high. */
export const AUGMENTATION_RANGES = ['gamma', 'gaussianBlur', 'wristCrop'] as const satisfies readonly AugmentationName[];

/** Networks whose encoder begins with weights of model.pretrained. */
export const PRETRAINED_ENCODERS: readonly ModelName[] = ['FCNResNet50', 'HRNet', 'UNetPlusPlus'];

/** Networks that halve the size other than four times. */
const SIZE_MULTIPLES: Partial<Record<ModelName, number>> = {
  FCNResNet50: 8,
  DUCKNet: 32,
  RAPUNet: 32,
  SegFormer: 32,
  HRNet: 32,
  UNetPlusPlus: 32,
};

/** The number that input.size must be a multiple of: two for each halving. */
export function sizeMultiple(model: ModelSpec): number {
  if (model.name !== 'SlimUNet') return SIZE_MULTIPLES[model.name] ?? 16;
  return 2 ** ((model.options.depth ?? MODEL_OPTIONS.SlimUNet.depth ?? 5) - 1);
}

/** The spec with every option that belongs to what it names, and every fold written out. Completing twice changes nothing. */
export function completeSpec<Spec extends ManifestSpec>(spec: Spec): Spec {
  const { model, loss, optimizer, scheduler, training, inference, run, dataset } = spec;
  return {
    ...spec,
    model: { ...model, options: { ...given(MODEL_OPTIONS[model.name]), ...model.options } },
    augmentations: spec.augmentations.map((entry) => ({ ...given(AUGMENTATION_OPTIONS[entry.name]), ...entry })),
    loss: loss.map((entry) => ({ ...given(LOSS_OPTIONS[entry.name]), ...entry })),
    optimizer: { ...optimizer, options: { ...given(OPTIMIZER_OPTIONS[optimizer.name]), ...optimizer.options } },
    scheduler: { ...scheduler, options: completeSchedule(scheduler, training.epochs) },
    inference: inference.window ? { ...inference, window: { sheetSize: 2 * inference.window.size, ...inference.window } } : inference,
    run: run.folds.length > 0 ? run : { ...run, folds: Array.from({ length: dataset.split.folds }, (_, fold) => fold) },
  };
}
