/** Trainings that together have every kind of state: what a fold that continues must restore. */
import type { ExperimentManifest } from '@carpal/configs/schema/experiment.ts';

export type TinySpec = Partial<ExperimentManifest['spec']>;
export type ResumeRow = { readonly name: string; readonly spec: TinySpec };

export const RESUME_ROWS: readonly ResumeRow[] = [
  {
    name: 'AdamW, accumulated and clipped gradients, EMA weights, a plateau schedule after a warm-up',
    spec: {
      optimizer: { name: 'AdamW', learningRate: 0.02 },
      scheduler: { name: 'ReduceLROnPlateau', options: { warmupEpochs: 1, factor: 0.5, patience: 0, threshold: 0.5, cooldown: 1 } },
      training: { accumulate: 2, gradientClip: 0.5, ema: { decay: 0.9 } },
    },
  },
  {
    name: 'Adam in bfloat16, milestones after a warm-up, augmentations',
    spec: {
      optimizer: { name: 'Adam', learningRate: 0.02 },
      scheduler: { name: 'MultiStepLR', options: { warmupEpochs: 1, milestones: [1, 2] } },
      augmentations: [{ name: 'rotate' }, { name: 'gaussianNoise' }],
      training: { precision: 'bfloat16' },
    },
  },
  {
    name: 'SGD with Nesterov momentum, warm restarts, a validation every second epoch',
    spec: {
      optimizer: { name: 'SGD', learningRate: 0.05 },
      scheduler: { name: 'CosineAnnealingWarmRestarts', options: { cycleEpochs: 1, cycleMultiplier: 2 } },
      training: { validateEvery: 2 },
    },
  },
  {
    name: 'RMSprop with momentum, warm restarts with growing cycles',
    spec: {
      optimizer: { name: 'RMSprop', learningRate: 0.005, options: { momentum: 0.5 } },
      scheduler: { name: 'CustomCosineAnnealingWarmUpRestarts', options: { cycleEpochs: 2, cycleWarmupEpochs: 1, gamma: 0.5 } },
    },
  },
  {
    name: 'Lion with the loss scale of float16, a polynomial schedule, EMA weights',
    spec: {
      optimizer: { name: 'Lion', learningRate: 0.002 },
      scheduler: { name: 'PolynomialLR' },
      training: { precision: 'float16', ema: { decay: 0.5 } },
    },
  },
  {
    name: 'a network with dropout, a cosine schedule',
    spec: {
      model: { name: 'CustomUNet', options: { width: 2 } },
      optimizer: { name: 'AdamW', learningRate: 0.01 },
      scheduler: { name: 'CosineAnnealingLR' },
      training: { accumulate: 2 },
    },
  },
  {
    name: 'deep supervision with head weights',
    spec: {
      model: { name: 'NestedUNet', options: { width: 2 } },
      optimizer: { name: 'SGD', learningRate: 0.05 },
      scheduler: { name: 'ReduceLROnPlateau', options: { patience: 0, threshold: 0.9 } },
      training: { deepSupervision: true, headWeights: [4, 3, 2, 1] },
    },
  },
  {
    name: 'crops of larger images, a bent image, EMA weights, a validation every second epoch',
    spec: {
      input: { size: 32, crop: { size: 32, imageSize: 48 } },
      augmentations: [{ name: 'rotate' }, { name: 'elastic' }, { name: 'gaussianNoise' }],
      optimizer: { name: 'AdamW', learningRate: 0.02 },
      scheduler: { name: 'PolynomialLR' },
      training: { ema: { decay: 0.5 }, validateEvery: 2 },
    },
  },
];
