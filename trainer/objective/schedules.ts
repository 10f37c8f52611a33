import { CarpalError } from '@carpal/configs/errors.ts';
import { isRecord } from '@carpal/configs/json.ts';
import { observePlateau, type PlateauSettings, type PlateauState } from './plateau.ts';
import { RATES, type ScheduleOptions } from './schedule-rates.ts';

export type ScheduleSettings = {
  readonly name: 'ReduceLROnPlateau' | keyof typeof RATES;
  readonly options: ScheduleOptions;
  readonly learningRate: number;
  readonly epochs: number;
};

/** What a schedule remembers; plain JSON. `changes` lists from which epoch on each rate holds. */
export type ScheduleState = { plateau: PlateauState; changes: { epoch: number; rate: number }[] };

/** The learning rate of every epoch. Epochs count from 1. */
export type Schedule = {
  /** The rate of an epoch that has been reached; the same before and after that epoch is observed. */
  rateFor(epoch: number): number;
  /** Tells the schedule the loss of a validation after `epoch`; what it decides holds from the next epoch on. */
  observe(epoch: number, validationLoss: number): void;
  state(): ScheduleState;
  /** Puts back what `state` gave. CarpalError `checkpoint-invalid` for anything else. */
  restore(state: unknown): void;
};

/**
 * The schedules of PyTorch, rate for rate, where its `step` is called once after each epoch: those of schedule-rates.ts and ReduceLROnPlateau (modes
 * min and rel). Defaults are PyTorch's; what reaches to the last epoch there does so here after a warm-up too.
 */
export function createSchedule({ name, options, learningRate, epochs }: ScheduleSettings): Schedule {
  const { warmupEpochs = 0 } = options;
  const start: PlateauState = { rate: learningRate, best: null, bad: 0, cooling: 0 };
  let state: ScheduleState = { plateau: start, changes: [{ epoch: 1, rate: learningRate }] };
  const plateau: PlateauSettings = {
    factor: options.factor ?? 0.1,
    patience: options.patience ?? 10,
    threshold: options.threshold ?? 1e-4,
    cooldown: options.cooldown ?? 0,
    minLearningRate: options.minLearningRate ?? 0,
  };
  /** The rate after `done` epochs of the schedule. */
  const rateAfter = (done: number): number => {
    if (name !== 'ReduceLROnPlateau') return RATES[name](done, options, learningRate, Math.max(1, epochs - warmupEpochs));
    return state.changes.findLast((change) => change.epoch <= done + warmupEpochs + 1)?.rate ?? learningRate;
  };
  return {
    rateFor: (epoch) => (epoch <= warmupEpochs ? (learningRate * epoch) / (warmupEpochs + 1) : rateAfter(epoch - warmupEpochs - 1)),
    observe: (epoch, validationLoss) => {
      if (name !== 'ReduceLROnPlateau' || epoch <= warmupEpochs) return;
      const next = observePlateau(state.plateau, validationLoss, plateau);
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
