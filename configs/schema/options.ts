/**
 * Which options belong to which network, augmentation, loss, optimizer and scheduler, and their defaults. The schema cannot express this,
 * because a structural schema has no unions. The rules, `completeSpec` and the descriptions in the CRD use these tables.
 */
import type {
  AugmentationName,
  AugmentationSpec,
  CropSpec,
  InferenceSpec,
  LossName,
  LossSpec,
  ManifestSpec,
  ModelName,
  ModelOptions,
  ModelSpec,
  OptimizerName,
  OptimizerOptions,
  SchedulerName,
  SchedulerOptions,
  SchedulerSpec,
} from './experiment.ts';
import { AUTO } from './fields.ts';
import { CUSTOM_UNET_VARIANTS, HRNET_VARIANTS, SEGFORMER_VARIANTS } from './learning.ts';

/** `null` marks an option without a fixed default: it is required, or its default depends on other fields. */
export type Defaults<Options> = { readonly [Key in keyof Options]?: Options[Key] | null };

/** The options of every network, loss, …, by its name. */
export type OptionTable = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export const MODEL_OPTIONS: Readonly<Record<ModelName, Defaults<ModelOptions>>> = {
  UNet: {},
  SlimUNet: { width: 16, depth: 5 },
  NestedUNet: { width: 32 },
  UNet3Plus: { width: 64, guidance: false },
  FCNResNet50: { width: 64 },
  CustomUNet: { width: 64, variant: 'published' },
  DUCKNet: { width: 16 },
  RAPUNet: { width: 16, head: 'perClass', divisor: 1 },
  SegFormer: { variant: 'B2', divisor: 1 },
  HRNet: { variant: 'W48', divisor: 1 },
  UNetPlusPlus: { encoder: 'ResNet34', divisor: 1 },
  EncoderUNet: { encoder: 'ResNet34', divisor: 1 },
};

/** The variants of the networks that have variants. */
export const VARIANTS: { readonly [Name in ModelName]?: readonly string[] } = {
  CustomUNet: CUSTOM_UNET_VARIANTS,
  SegFormer: SEGFORMER_VARIANTS,
  HRNet: HRNET_VARIANTS,
};

/** The networks whose encoder can start from the weights of model.pretrained. */
export const PRETRAINED_ENCODERS: readonly ModelName[] = ['FCNResNet50', 'RAPUNet', 'SegFormer', 'HRNet', 'UNetPlusPlus', 'EncoderUNet'];

/** Number of heads of the networks that have side heads for training.deepSupervision; the main head is one of them. */
export const HEADS: Readonly<Partial<Record<ModelName, number>>> = { NestedUNet: 4, UNet3Plus: 5 };

/** The networks that have side heads. */
export const SIDE_HEADS = Object.keys(HEADS) as readonly ModelName[];

/** Size multiples of the networks that do not halve the size four times. */
const SIZE_MULTIPLES: Partial<Record<ModelName, number>> = {
  FCNResNet50: 8,
  DUCKNet: 32,
  RAPUNet: 32,
  SegFormer: 32,
  HRNet: 32,
  UNetPlusPlus: 32,
  EncoderUNet: 32,
};

/** The number that input.size must be a multiple of: a factor of 2 for each halving. */
export function sizeMultiple(model: ModelSpec): number {
  if (model.name !== 'SlimUNet') return SIZE_MULTIPLES[model.name] ?? 16;
  return 2 ** (slimDepth(model.options) - 1);
}

/** The depth of a SlimUNet. */
export function slimDepth(options: ModelOptions): number {
  return options.depth ?? MODEL_OPTIONS.SlimUNet.depth ?? 5;
}

export type AugmentationOptions = Omit<AugmentationSpec, 'name' | 'probability'>;

/**
 * elastic: alpha (largest displacement) and sigma (smoothness) are fractions of the side of the square. gaussianBlur: low and high in
 * pixels of the square. wristCrop: low and high in sides of the box around the carpals. gaussianNoise: sigma in units of the 0..1 image.
 * gamma: exponents.
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

/** Lower limits of options for one augmentation, above the limit that the schema sets for all. */
export const AUGMENTATION_LEAST = [
  { name: 'elastic', option: 'sigma', least: 0.01, why: 'a smaller sigma makes noise, not a smooth deformation' },
  { name: 'wristCrop', option: 'low', least: 1, why: 'a smaller window would cut off carpal bones' },
] as const satisfies readonly { name: AugmentationName; option: keyof AugmentationOptions; least: number; why: string }[];

/** Augmentations that draw from low to high. */
export const AUGMENTATION_RANGES = ['gamma', 'gaussianBlur', 'wristCrop'] as const satisfies readonly AugmentationName[];

export type LossOptions = Omit<LossSpec, 'name' | 'weight'>;

/** Focal: the defaults of its paper. FocalTversky: those of the original. */
export const LOSS_OPTIONS: Readonly<Record<LossName, Defaults<LossOptions>>> = {
  Dice: { reduction: 'perImageClass' },
  BCE: {},
  IoU: { reduction: 'perImageClass' },
  Focal: { alpha: 0.25, gamma: 2 },
  FocalTversky: { alpha: 0.3, beta: 0.7, gamma: 1.5, reduction: 'perImageClass' },
  Lovasz: {},
};

/** The defaults of PyTorch, except for SGD, which is rarely used without momentum. Lion: those of its paper. */
export const OPTIMIZER_OPTIONS: Readonly<Record<OptimizerName, Defaults<OptimizerOptions>>> = {
  AdamW: { beta1: 0.9, beta2: 0.999 },
  Adam: { beta1: 0.9, beta2: 0.999 },
  SGD: { momentum: 0.9, nesterov: true },
  RMSprop: { smoothing: 0.99, momentum: 0 },
  Lion: { beta1: 0.9, beta2: 0.99 },
};

const WARM_UP = { warmupEpochs: 0 };

/** ReduceLROnPlateau: the settings of the original. gamma: as in PyTorch. The default of tMax is the last epoch. */
export const SCHEDULER_OPTIONS: Readonly<Record<SchedulerName, Defaults<SchedulerOptions>>> = {
  ReduceLROnPlateau: { ...WARM_UP, factor: 0.5, patience: 5, threshold: 0.01, cooldown: 2, minLearningRate: 1e-6 },
  MultiStepLR: { ...WARM_UP, milestones: null, gamma: 0.1 },
  CosineAnnealingLR: { ...WARM_UP, tMax: null, minLearningRate: 0 },
  CosineAnnealingWarmRestarts: { ...WARM_UP, cycleEpochs: null, cycleMultiplier: 1, minLearningRate: 0 },
  CustomCosineAnnealingWarmUpRestarts: {
    ...WARM_UP,
    cycleEpochs: null,
    cycleMultiplier: 1,
    cycleWarmupEpochs: 0,
    gamma: 1,
    minLearningRate: 1e-6,
  },
  PolynomialLR: { ...WARM_UP, tMax: null, power: 0.9 },
};

/** Schedulers that end with the training if `tMax` is omitted. */
const ENDING: readonly SchedulerName[] = ['CosineAnnealingLR', 'PolynomialLR'];

/** Options without a default: which schedulers need them, and what to write. */
export const NEEDED_OPTIONS = [
  { option: 'milestones', of: ['MultiStepLR'], add: 'the epochs after which the learning rate falls, such as [60, 80]' },
  {
    option: 'cycleEpochs',
    of: ['CosineAnnealingWarmRestarts', 'CustomCosineAnnealingWarmUpRestarts'],
    add: 'the epochs of the first cycle, such as 10',
  },
] as const satisfies readonly { option: keyof SchedulerOptions; of: readonly SchedulerName[]; add: string }[];

/** The options of a scheduler with the omitted ones filled in, for a training of `epochs` epochs. */
export function completeSchedule({ name, options }: SchedulerSpec, epochs: number): SchedulerOptions {
  const all: SchedulerOptions = { ...given(SCHEDULER_OPTIONS[name]), ...options };
  if (ENDING.includes(name)) all.tMax ??= Math.max(1, epochs - (all.warmupEpochs ?? 0));
  return all;
}

/** The defaults without those that are `null`. */
export function given<Options extends object>(defaults: Defaults<Options>): Partial<Options> {
  return Object.fromEntries(Object.entries(defaults).filter(([, value]) => value !== null)) as Partial<Options>;
}

/**
 * The side, in pixels, of the square that the whole image is fitted to in training. It decides how large bones appear to the network, so
 * prediction must use the same. The network's input is smaller if it is trained on crops. A size that is still `auto` stays `auto`.
 */
export function trainingScale<Size extends number | typeof AUTO>(input: {
  readonly size: Size;
  readonly crop?: CropSpec | undefined;
}): Size | number {
  return input.crop?.imageSize ?? input.size;
}

/** What the network sees in training, as text: `512 px`, or `crops of 512 px at 1024 px`. */
export function inputText({ size, crop }: ManifestSpec['input']): string {
  if (crop) return `crops of ${crop.size} px at ${crop.imageSize} px`;
  return size === AUTO ? 'a size to be measured' : `${size} px`;
}

/** The windows through which a network that was trained on crops sees the whole image, unless the manifest has others. */
export function cropWindow(size: number) {
  return { size, stride: Math.floor(size / 2), weights: 'gaussian' } as const;
}

/**
 * The windows of inference: those of the manifest, or those of a network that is trained on crops. Undefined: the whole image. They are cut
 * from the image at the training scale, so `sheetSize` has that value; it is absent while the size is `auto`.
 */
export function windowOf({ inference, input }: Pick<ManifestSpec, 'inference' | 'input'>): InferenceSpec['window'] {
  const window = inference.window ?? (input.crop && cropWindow(input.crop.size));
  const scale = trainingScale(input);
  return window && typeof scale === 'number' ? { sheetSize: scale, ...window } : window;
}

/**
 * The spec with the defaults of all options that belong to the named entries, with the list of folds written out, with the network's
 * input in `input.size` also if it is given by `input.crop`, and with the windows of inference that follow from crops. Idempotent.
 */
export function completeSpec<Spec extends ManifestSpec>(spec: Spec): Spec {
  const { model, input, loss, optimizer, scheduler, training, inference, run, dataset } = spec;
  const window = windowOf(spec);
  return {
    ...spec,
    model: { ...model, options: { ...given(MODEL_OPTIONS[model.name]), ...model.options } },
    input: input.crop ? { ...input, size: input.crop.size } : input,
    augmentations: spec.augmentations.map((entry) => ({ ...given(AUGMENTATION_OPTIONS[entry.name]), ...entry })),
    loss: loss.map((entry) => ({ ...given(LOSS_OPTIONS[entry.name]), ...entry })),
    optimizer: { ...optimizer, options: { ...given(OPTIMIZER_OPTIONS[optimizer.name]), ...optimizer.options } },
    scheduler: { ...scheduler, options: completeSchedule(scheduler, training.epochs) },
    inference: window ? { ...inference, window } : inference,
    run: run.folds.length > 0 ? run : { ...run, folds: Array.from({ length: dataset.split.folds }, (_, fold) => fold) },
  };
}
