/**
 * Which options belong to which loss, optimizer and schedule, and what they are when left out; options.ts has those of networks and
 * augmentations.
 */
import type {
  LossName,
  LossSpec,
  ModelName,
  OptimizerName,
  OptimizerOptions,
  SchedulerName,
  SchedulerOptions,
  SchedulerSpec,
} from './experiment.ts';

/** An option of `null` has no fixed default: it must be given, or is worked out from other fields. */
export type Defaults<Options> = { readonly [Key in keyof Options]?: Options[Key] | null };

export type LossOptions = Omit<LossSpec, 'name' | 'weight'>;

/** Focal's of its paper, FocalTversky's the original's. */
export const LOSS_OPTIONS: Readonly<Record<LossName, Defaults<LossOptions>>> = {
  Dice: { reduction: 'perImageClass' },
  BCE: {},
  IoU: { reduction: 'perImageClass' },
  Focal: { alpha: 0.25, gamma: 2 },
  FocalTversky: { alpha: 0.3, beta: 0.7, gamma: 1.5, reduction: 'perImageClass' },
  Lovasz: {},
};

/** PyTorch's, but for SGD, which few train without momentum; Lion's of its paper. */
export const OPTIMIZER_OPTIONS: Readonly<Record<OptimizerName, Defaults<OptimizerOptions>>> = {
  AdamW: { beta1: 0.9, beta2: 0.999 },
  Adam: { beta1: 0.9, beta2: 0.999 },
  SGD: { momentum: 0.9, nesterov: true },
  RMSprop: { smoothing: 0.99, momentum: 0 },
  Lion: { beta1: 0.9, beta2: 0.99 },
};

const WARM_UP = { warmupEpochs: 0 };

/** The original's plateau settings; gamma as in PyTorch. tMax: to the last epoch. */
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

/** Schedules that end with the training where `tMax` is left out. */
const ENDING: readonly SchedulerName[] = ['CosineAnnealingLR', 'PolynomialLR'];

/** Options that a schedule cannot do without: which, of which schedules, and what to write. */
export const NEEDED_OPTIONS = [
  { option: 'milestones', of: ['MultiStepLR'], add: 'the epochs after which the learning rate falls, such as [60, 80]' },
  {
    option: 'cycleEpochs',
    of: ['CosineAnnealingWarmRestarts', 'CustomCosineAnnealingWarmUpRestarts'],
    add: 'the epochs of the first cycle, such as 10',
  },
] as const satisfies readonly { option: keyof SchedulerOptions; of: readonly SchedulerName[]; add: string }[];

/** Heads of the networks with heads that only train, for training.deepSupervision; the answer is one of them. */
export const HEADS: Readonly<Partial<Record<ModelName, number>>> = { NestedUNet: 4, UNet3Plus: 5 };

/** The networks that have such heads. */
export const SIDE_HEADS = Object.keys(HEADS) as readonly ModelName[];

/** The options of a schedule with those that were left out, for a training of so many epochs. */
export function completeSchedule({ name, options }: SchedulerSpec, epochs: number): SchedulerOptions {
  const all: SchedulerOptions = { ...given(SCHEDULER_OPTIONS[name]), ...options };
  if (ENDING.includes(name)) all.tMax ??= Math.max(1, epochs - (all.warmupEpochs ?? 0));
  return all;
}

/** The defaults without those that have no value of their own. */
export function given<Options extends object>(defaults: Defaults<Options>): Partial<Options> {
  return Object.fromEntries(Object.entries(defaults).filter(([, value]) => value !== null)) as Partial<Options>;
}
