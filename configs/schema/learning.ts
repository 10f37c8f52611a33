/**
 * The part of a spec that decides the weights and masks: data set, network, input, augmentations, loss, optimizer, scheduler, training,
 * inference, ensemble.
 *
 * It uses only objects, enums, arrays and records, each with limits, because it also becomes a Kubernetes structural schema, which has no
 * unions. For the same reason `options`, augmentations and losses list every option of every entry as optional. options.ts defines which
 * option belongs to which entry.
 */
import { z } from 'zod';
import { orAuto } from './fields.ts';
import { pretrainedSchema } from './pretrained.ts';

const count = (least: number, most: number) => z.int().min(least).max(most);
const fraction = () => z.number().min(0).max(1);
/** The fraction of a moving average that remains after one step. */
const share = () => z.number().min(0).lt(1);
const positive = (most: number) => z.number().gt(0).max(most);
const seed = () => count(0, 4_294_967_295).default(21);

export const MODEL_NAMES = [
  'UNet',
  'SlimUNet',
  'NestedUNet',
  'UNet3Plus',
  'FCNResNet50',
  'CustomUNet',
  'DUCKNet',
  'RAPUNet',
  'SegFormer',
  'HRNet',
  'UNetPlusPlus',
  'EncoderUNet',
] as const;
/** Limits of model.options.depth. */
export const DEPTH = { least: 2, most: 7 } as const;
export const SEGFORMER_VARIANTS = ['published', 'B0', 'B1', 'B2', 'B3', 'B4', 'B5'] as const;
export const HRNET_VARIANTS = ['W18', 'W32', 'W48'] as const;
export const CUSTOM_UNET_VARIANTS = ['published', 'improved'] as const;
export const ENCODERS = [
  ...(['ResNet34', 'ResNet50', 'ConvNeXtTiny', 'EfficientNetB0', 'EfficientNetB1', 'EfficientNetB2'] as const),
  ...(['EfficientNetLite0', 'EfficientNetLite1', 'EfficientNetLite2'] as const),
] as const;
export const RAPUNET_HEADS = ['published', 'perClass'] as const;
export const AUGMENTATION_NAMES = [
  'rotate',
  'flipHorizontal',
  'shiftScaleRotate',
  'elastic',
  'gridDistortion',
  'wristCrop',
  'brightnessContrast',
  'gamma',
  'clahe',
  'gaussianBlur',
  'gaussianNoise',
] as const;
export const LOSS_NAMES = ['Dice', 'BCE', 'IoU', 'Focal', 'FocalTversky', 'Lovasz'] as const;
export const REDUCTIONS = ['perImageClass', 'global'] as const;
export const OPTIMIZER_NAMES = ['AdamW', 'Adam', 'SGD', 'RMSprop', 'Lion'] as const;
export const SCHEDULER_NAMES = [
  'ReduceLROnPlateau',
  'MultiStepLR',
  'CosineAnnealingLR',
  'CosineAnnealingWarmRestarts',
  'CustomCosineAnnealingWarmUpRestarts',
  'PolynomialLR',
] as const;
export const CROP_SAMPLINGS = ['foreground', 'uniform', 'wrist'] as const;
export const TTA_NAMES = ['identity', 'flipHorizontal', 'flipVertical', 'rotateLeft', 'rotateRight', 'scaleDown', 'scaleUp'] as const;

const splitSchema = z.object({
  folds: count(2, 20).default(5),
  strategy: z.enum(['group', 'stratifiedGroup']).default('group'),
  seed: seed(),
});

export const datasetSchema = z.object({
  uri: z.string().min(1).max(1024),
  classes: z
    .string()
    .max(63)
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, { error: 'the name of a file in configs/classes, such as hand-bones' })
    .default('hand-bones'),
  split: splitSchema.prefault({}),
});

export const modelSchema = z.object({
  name: z.enum(MODEL_NAMES),
  options: z
    .object({
      width: count(1, 256).optional(),
      depth: count(DEPTH.least, DEPTH.most).optional(),
      guidance: z.boolean().optional(),
      variant: z.enum([...new Set([...SEGFORMER_VARIANTS, ...HRNET_VARIANTS, ...CUSTOM_UNET_VARIANTS])]).optional(),
      encoder: z.enum(ENCODERS).optional(),
      head: z.enum(RAPUNET_HEADS).optional(),
      divisor: count(1, 32).optional(),
    })
    .prefault({}),
  // Absent: random weights.
  pretrained: pretrainedSchema.optional(),
});

/** Side of the network's input if the manifest gives neither a size nor crops. */
export const DEFAULT_SIZE = 512;

export const inputSchema = z.object({
  size: count(32, 2048).default(DEFAULT_SIZE),
  // Absent: the network sees the whole image, fitted to `size`. Otherwise the image is fitted to `imageSize` and the network is trained on
  // crops of it; then `size` is the crop's size.
  crop: z
    .object({
      size: count(32, 2048),
      imageSize: count(32, 4096),
      // What the place of a crop is drawn from: a class and then a place in its bone, the whole image, or the surroundings of the carpals.
      sampling: z.enum(CROP_SAMPLINGS).default('foreground'),
    })
    .optional(),
  // How the grey values of an image become numbers from 0 to 1; the report package says exactly how (grey-range.ts).
  normalize: z.enum(['unit', 'percentile', 'perImage']).default('unit'),
  // The value of a target pixel: the share of it that the bone covers (area), or whether its centre is inside the bone (nearest).
  targets: z.enum(['area', 'nearest']).default('area'),
});

/** In a manifest, `size: auto` means the largest usual size that fits the machine. */
export const manifestInputSchema = inputSchema.extend({ size: orAuto(count(32, 2048)).default(DEFAULT_SIZE) });

/**
 * One step of the augmentation, applied with its probability to image and polygons together. Angles are in degrees, shift and scale are
 * fractions of the side of the square, brightness and contrast are fractions of the full range. The units of low, high and sigma depend on
 * the augmentation; see AUGMENTATION_OPTIONS.
 */
export const augmentationSchema = z.object({
  name: z.enum(AUGMENTATION_NAMES),
  probability: fraction().default(0.5),
  degrees: z.number().min(0).max(180).optional(),
  shift: z.number().min(0).max(0.5).optional(),
  scale: z.number().min(0).max(0.9).optional(),
  brightness: fraction().optional(),
  contrast: fraction().optional(),
  low: z.number().min(0.1).max(10).optional(),
  high: z.number().min(0.1).max(10).optional(),
  sigma: fraction().optional(),
  alpha: z.number().min(0).max(0.5).optional(),
  steps: count(2, 32).optional(),
  limit: z.number().min(0).max(0.6).optional(),
  clipLimit: z.number().min(1).max(40).optional(),
  tiles: count(1, 32).optional(),
});

/** `reduction` says whether areas are summed for each class of each image, or over everything. */
export const lossSchema = z.object({
  name: z.enum(LOSS_NAMES),
  weight: positive(1000).default(1),
  alpha: positive(1).optional(),
  beta: positive(1).optional(),
  gamma: positive(10).optional(),
  reduction: z.enum(REDUCTIONS).optional(),
});

export const optimizerSchema = z.object({
  name: z.enum(OPTIMIZER_NAMES).default('AdamW'),
  learningRate: positive(10).default(1e-3),
  weightDecay: fraction().default(1e-4),
  options: z
    .object({
      beta1: share().optional(),
      beta2: share().optional(),
      momentum: share().optional(),
      nesterov: z.boolean().optional(),
      smoothing: share().optional(),
    })
    .prefault({}),
});

/**
 * `warmupEpochs` is a linear increase before the schedule starts. `patience` and `cooldown` count validations, all others count epochs from
 * the end of the warm-up.
 */
export const schedulerSchema = z.object({
  name: z.enum(SCHEDULER_NAMES).default('ReduceLROnPlateau'),
  options: z
    .object({
      warmupEpochs: count(0, 10_000).optional(),
      factor: z.number().gt(0).lt(1).optional(),
      patience: count(0, 10_000).optional(),
      threshold: fraction().optional(),
      cooldown: count(0, 10_000).optional(),
      minLearningRate: z.number().min(0).max(10).optional(),
      milestones: z.array(count(1, 10_000)).max(32).optional(),
      gamma: positive(1).optional(),
      tMax: count(1, 10_000).optional(),
      power: positive(10).optional(),
      cycleEpochs: count(1, 10_000).optional(),
      cycleMultiplier: count(1, 100).optional(),
      cycleWarmupEpochs: count(0, 10_000).optional(),
    })
    .prefault({}),
});

export const trainingSchema = z.object({
  epochs: count(1, 10_000).default(100),
  batchSize: count(1, 256).default(2),
  accumulate: count(1, 256).default(1),
  validateEvery: count(1, 10_000).default(1),
  // A patience of 0 turns early stopping off.
  earlyStopping: z.object({ patience: count(0, 10_000).default(10), minDelta: fraction().default(0) }).prefault({}),
  // 0 means no clipping.
  gradientClip: z.number().min(0).max(1e6).default(0),
  seed: seed(),
  // The precision of convolutions; weights, losses and the optimizer are always float32. float16 is for GPUs and scales the loss.
  precision: z.enum(['float32', 'bfloat16', 'float16']).default('float32'),
  deepSupervision: z.boolean().default(false),
  // The weight of each head, with the main head first. Omitted: all weights are equal.
  headWeights: z.array(positive(1000)).min(1).max(8).optional(),
  // A moving average of the weights, used for validation and prediction; 0 turns it off.
  ema: z.object({ decay: share().default(0) }).prefault({}),
});

/** In a manifest, `batchSize: auto` means the batch with the highest throughput that fits the machine. */
export const manifestTrainingSchema = trainingSchema.extend({ batchSize: orAuto(count(1, 256)).default(2) });

export const inferenceSchema = z.object({
  threshold: z.number().gt(0).lt(1).default(0.5),
  tta: z.array(z.enum(TTA_NAMES)).min(1).max(8).default(['identity', 'flipHorizontal']),
  // The angle of the views rotateLeft and rotateRight in degrees, and the fraction by which the views scaleDown and scaleUp change the
  // size.
  ttaDegrees: z.number().gt(0).max(45).default(10),
  ttaScale: z.number().gt(0).max(0.5).default(0.05),
  // Absent: the whole image at input.size, or with input.crop windows of the size of a crop.
  window: z
    .object({
      size: count(32, 4096).default(1024),
      stride: count(1, 4096).default(512),
      weights: z.enum(['uniform', 'gaussian']).default('gaussian'),
      // The side of the square that the image is fitted to before windows are cut. Always the training scale, also if it is omitted.
      sheetSize: count(32, 8192).optional(),
    })
    .optional(),
});

export const ensembleSchema = z.object({
  // soft: the networks are averaged; hard: the mask of each fold has one vote per pixel.
  method: z.enum(['soft', 'hard']).default('soft'),
  perClassThresholds: z.boolean().default(true),
  // Whether each class keeps only its largest connected part, has its holes filled, both, or neither. The choice that gains on people without
  // a part in it, by out-of-fold masks, is used.
  perClassCleaning: z.boolean().default(true),
});
