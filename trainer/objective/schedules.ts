/** The learning rate of every epoch: PyTorch's schedules, with the same rates when PyTorch's `step` is called once after each epoch. */
import { CarpalError } from '@carpal/configs/errors.ts';
import { isRecord } from '@carpal/configs/json.ts';

/** Options of all schedules; each reads its own. Epochs are counted from the end of the warm-up. */
export type ScheduleOptions = {
  /** Epochs of linear warm-up before the schedule: epoch e of w has e / (w + 1) of the rate. */
  readonly warmupEpochs?: number | undefined;
  readonly factor?: number | undefined;
  readonly patience?: number | undefined;
  readonly threshold?: number | undefined;
  readonly cooldown?: number | undefined;
  readonly minLearningRate?: number | undefined;
  /** Numbers of epochs; after each of them the rate is multiplied by gamma. */
  readonly milestones?: readonly number[] | undefined;
  /** The factor of the rate at a milestone, or of the peak from cycle to cycle. */
  readonly gamma?: number | undefined;
  /** Epochs from the full rate to the lowest. */
  readonly tMax?: number | undefined;
  /** The polynomial's exponent. */
  readonly power?: number | undefined;
  /** Epochs of the first cycle. */
  readonly cycleEpochs?: number | undefined;
  /** How many times longer each cycle is than the one before. */
  readonly cycleMultiplier?: number | undefined;
  /** Epochs of linear warm-up at the start of each cycle. */
  readonly cycleWarmupEpochs?: number | undefined;
};

export type ScheduleSettings = {
  readonly name: 'ReduceLROnPlateau' | keyof typeof RATES;
  readonly options: ScheduleOptions;
  readonly learningRate: number;
  readonly epochs: number;
};

/** The learning rate of every epoch. Epochs count from 1. */
export type Schedule = {
  /** The rate of an epoch that has been reached. Observing that epoch does not change it. */
  rateFor(epoch: number): number;
  /** Reports the loss of a validation after `epoch`; it affects the rates from the next epoch on. */
  observe(epoch: number, validationLoss: number): void;
  state(): ScheduleState;
  /** Restores what `state` returned. Throws `checkpoint-invalid` for anything else. */
  restore(state: unknown): void;
};

/** The state of a schedule as plain JSON. `changes` lists each rate with the first epoch that has it. */
export type ScheduleState = { plateau: PlateauState; changes: { epoch: number; rate: number }[] };

/** The state of ReduceLROnPlateau as plain JSON. */
type PlateauState = { rate: number; best: number | null; bad: number; cooling: number };

/** Creates a schedule. Defaults are PyTorch's; where a length defaults to the last epoch, the warm-up is subtracted first. */
export function createSchedule({ name, options, learningRate, epochs }: ScheduleSettings): Schedule {
  const { warmupEpochs = 0 } = options;
  const start: PlateauState = { rate: learningRate, best: null, bad: 0, cooling: 0 };
  let state: ScheduleState = { plateau: start, changes: [{ epoch: 1, rate: learningRate }] };
  /** The rate after `done` epochs of the schedule. */
  const rateAfter = (done: number): number => {
    if (name !== 'ReduceLROnPlateau') return RATES[name](done, options, learningRate, Math.max(1, epochs - warmupEpochs));
    return state.changes.findLast((change) => change.epoch <= done + warmupEpochs + 1)?.rate ?? learningRate;
  };
  return {
    rateFor: (epoch) => (epoch <= warmupEpochs ? (learningRate * epoch) / (warmupEpochs + 1) : rateAfter(epoch - warmupEpochs - 1)),
    observe: (epoch, validationLoss) => {
      if (name !== 'ReduceLROnPlateau' || epoch <= warmupEpochs) return;
      const next = observePlateau(state.plateau, validationLoss, options);
      const changed = next.rate === state.plateau.rate ? [] : [{ epoch: epoch + 1, rate: next.rate }];
      state = { plateau: next, changes: [...state.changes, ...changed] };
    },
    state: () => structuredClone(state),
    restore: (saved) => {
      if (!isScheduleState(saved)) throw new CarpalError('checkpoint-invalid', "the checkpoint's schedule cannot be read");
      state = structuredClone(saved);
    },
  };
}

/** The rate after `done` epochs of the schedule, which starts at `full` and lasts for `epochs`. */
type Rate = (done: number, options: ScheduleOptions, full: number, epochs: number) => number;

/** Half a cosine from `high` at 0 to `low` at 1 (it rises again after 1). */
const cosine = (at: number, high: number, low: number): number => low + ((high - low) * (1 + Math.cos(Math.PI * at))) / 2;

/** The cycle of an epoch: its number, its length, and how many of its epochs are done. `fixed` epochs of each cycle do not grow. */
function cycleAt(done: number, first: number, multiplier: number, fixed: number): { number: number; length: number; at: number } {
  let [number, length, at] = [0, first, done];
  while (at >= length) {
    at -= length;
    length = (length - fixed) * multiplier + fixed;
    number += 1;
  }
  return { number, length, at };
}

/** The schedules whose rate depends on the number of epochs only. */
const RATES = {
  MultiStepLR: (done, { gamma = 0.1, milestones = [] }, full) => full * gamma ** milestones.filter((milestone) => milestone <= done).length,

  CosineAnnealingLR: (done, { minLearningRate = 0, tMax }, full, epochs) => cosine(done / (tMax ?? epochs), full, minLearningRate),

  /** Loshchilov & Hutter 2017: a cosine that restarts at the full rate; each cycle is `cycleMultiplier` times as long as the one before. */
  CosineAnnealingWarmRestarts: (done, { minLearningRate = 0, cycleEpochs, cycleMultiplier = 1 }, full, epochs) => {
    const { at, length } = cycleAt(done, cycleEpochs ?? epochs, cycleMultiplier, 0);
    return cosine(at / length, full, minLearningRate);
  },

  /**
   * The same with a linear warm-up from the lowest rate at the start of each cycle. The warm-up does not grow, and the peak is multiplied
   * by gamma from cycle to cycle. With a warm-up, the first epoch has the lowest rate.
   */
  CustomCosineAnnealingWarmUpRestarts: (done, options, full, epochs) => {
    const { minLearningRate: least = 0, cycleEpochs, cycleMultiplier = 1, cycleWarmupEpochs: warmUp = 0, gamma = 1 } = options;
    const { number, at, length } = cycleAt(done, cycleEpochs ?? epochs, cycleMultiplier, warmUp);
    const peak = full * gamma ** number;
    return at < warmUp ? least + ((peak - least) * at) / warmUp : cosine((at - warmUp) / (length - warmUp), peak, least);
  },

  PolynomialLR: (done, { tMax, power = 1 }, full, epochs) => full * Math.max(0, 1 - done / (tMax ?? epochs)) ** power,
} as const satisfies Record<string, Rate>;

/** Smaller changes of the rate are skipped (PyTorch's eps). */
const LEAST_CHANGE = 1e-8;

/** ReduceLROnPlateau (modes `min` and `rel`): the state after one more validation loss. `patience` and `cooldown` count validations. */
function observePlateau(state: PlateauState, loss: number, options: ScheduleOptions): PlateauState {
  const { factor = 0.1, patience = 10, threshold = 1e-4, cooldown = 0, minLearningRate = 0 } = options;
  const better = loss < (state.best ?? Number.POSITIVE_INFINITY) * (1 - threshold);
  const best = better ? loss : state.best;
  const cooling = Math.max(0, state.cooling - 1);
  // During the cooldown no validation counts as bad.
  const bad = better || state.cooling > 0 ? 0 : state.bad + 1;
  if (bad <= patience) return { rate: state.rate, best, bad, cooling };
  const lower = Math.max(state.rate * factor, minLearningRate);
  return { rate: state.rate - lower > LEAST_CHANGE ? lower : state.rate, best, bad: 0, cooling: cooldown };
}

function isScheduleState(value: unknown): value is ScheduleState {
  if (!isRecord(value)) return false;
  const { plateau, changes } = value;
  if (!isRecord(plateau) || !Array.isArray(changes)) return false;
  const numbers = [plateau['rate'], plateau['bad'], plateau['cooling']].every((entry) => typeof entry === 'number');
  const best = plateau['best'] === null || typeof plateau['best'] === 'number';
  return (
    numbers &&
    best &&
    changes.every((change) => isRecord(change) && typeof change['epoch'] === 'number' && typeof change['rate'] === 'number')
  );
}
