import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ScheduleOptions } from './schedules.ts';
import { createSchedule, type ScheduleSettings } from './schedules.ts';

/** PyTorch's rates; see reference/export.py. */
type Fixture = {
  readonly learningRate: number;
  readonly losses: readonly number[];
  readonly rows: readonly {
    readonly name: ScheduleSettings['name'];
    readonly options: ScheduleOptions;
    readonly rates: readonly number[];
  }[];
};
const { learningRate, losses, rows }: Fixture = JSON.parse(
  readFileSync(new URL('reference/fixtures/schedules.json', import.meta.url), 'utf8'),
);

const EPOCHS = losses.map((_, index) => index + 1);

const settings = (name: ScheduleSettings['name'], options: ScheduleOptions): ScheduleSettings => ({
  name,
  options,
  learningRate,
  epochs: EPOCHS.length,
});

function rates(given: ScheduleSettings): number[] {
  const schedule = createSchedule(given);
  return EPOCHS.map((epoch) => {
    const rate = schedule.rateFor(epoch);
    schedule.observe(epoch, losses[epoch - 1] as number);
    expect(schedule.rateFor(epoch)).toBe(rate);
    return rate;
  });
}

/** The rates of a training that stops after every epoch and continues from the schedule's state, passed through JSON. */
function resumedRates(given: ScheduleSettings): number[] {
  let schedule = createSchedule(given);
  return EPOCHS.map((epoch) => {
    const next = createSchedule(given);
    next.restore(JSON.parse(JSON.stringify(schedule.state())));
    schedule = next;
    const rate = schedule.rateFor(epoch);
    schedule.observe(epoch, losses[epoch - 1] as number);
    return rate;
  });
}

describe('over 100 epochs,', () => {
  it.each(rows)("$name with $options has PyTorch's rates", ({ name, options, rates: expected }) => {
    const actual = rates(settings(name, options));
    expect(new Set(actual).size).toBeGreaterThan(3);
    for (const [index, rate] of actual.entries()) expect(Math.abs(rate - (expected[index] as number))).toBeLessThan(1e-13);
  });

  it.each(rows)('$name with $options continues from its state as if it had never stopped', ({ name, options }) => {
    expect(resumedRates(settings(name, options))).toEqual(rates(settings(name, options)));
  });

  it.each(['CosineAnnealingLR', 'PolynomialLR', 'CosineAnnealingWarmRestarts', 'CustomCosineAnnealingWarmUpRestarts'] as const)(
    '%s lasts until the last epoch by default, with and without a warm-up',
    (name) => {
      const [plain, warm] = [rates(settings(name, {})), rates(settings(name, { warmupEpochs: 10 }))];
      expect(plain[0]).toBe(learningRate);
      expect(warm[10]).toBe(learningRate);
      for (const all of [plain, warm]) {
        expect(all.at(-1)).toBeGreaterThan(0);
        expect(all.at(-1)).toBeLessThan(0.012 * learningRate);
      }
    },
  );

  it('every schedule warms up linearly and then starts at its own first epoch', () => {
    const schedule = createSchedule(settings('MultiStepLR', { warmupEpochs: 3, milestones: [2], gamma: 0.1 }));
    const first = [1, 2, 3, 4, 5, 6].map((epoch) => schedule.rateFor(epoch));
    for (const [index, rate] of [2.5e-4, 5e-4, 7.5e-4, 1e-3, 1e-3, 1e-4].entries()) expect(first[index]).toBeCloseTo(rate, 12);
  });

  it('ReduceLROnPlateau ignores the losses of the warm-up', () => {
    const options = { factor: 0.5, patience: 2, cooldown: 1, warmupEpochs: 4 };
    expect(rates(settings('ReduceLROnPlateau', options)).slice(0, 5)).toEqual([1, 2, 3, 4, 5].map((epoch) => (learningRate * epoch) / 5));
    expect(resumedRates(settings('ReduceLROnPlateau', options))).toEqual(rates(settings('ReduceLROnPlateau', options)));
  });

  it.each([null, 3, {}, { plateau: { rate: 1, best: null, bad: 0 }, changes: [] }, { plateau: null, changes: [] }])(
    'a schedule refuses the state %j',
    (state) => {
      expect(() => createSchedule(settings('ReduceLROnPlateau', {})).restore(state)).toThrow(
        expect.objectContaining({ code: 'checkpoint-invalid' }),
      );
    },
  );
});
