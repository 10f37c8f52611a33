import { describe, expect, it } from 'vitest';
import { randomFor } from '../random.ts';
import { createSchedule, type ScheduleSettings } from './schedules.ts';

const EPOCHS = Array.from({ length: 100 }, (_, index) => index + 1);

const settings = (name: ScheduleSettings['name'], options: ScheduleSettings['options']): ScheduleSettings => ({
  name,
  options,
  learningRate: 1e-3,
  epochs: 100,
});

/** A validation loss that falls, with noise and stretches without progress. */
const losses = EPOCHS.map((epoch) => 1 / Math.min(epoch, 20 + (epoch % 30)) + 0.01 * randomFor(3, 'loss', epoch).next());

function rates(given: ScheduleSettings): number[] {
  const schedule = createSchedule(given);
  return EPOCHS.map((epoch) => {
    const rate = schedule.rateFor(epoch);
    schedule.observe(epoch, losses[epoch - 1] as number);
    expect(schedule.rateFor(epoch)).toBe(rate);
    return rate;
  });
}

/** The recurrences by which PyTorch's schedulers move from one epoch to the next, as its documentation and code state them. */
const pytorch = {
  cosine(tMax: number, least: number): number[] {
    let rate = 1e-3;
    return EPOCHS.map((_, step) => {
      if (step > 0 && (step - 1 - tMax) % (2 * tMax) === 0) rate += ((1e-3 - least) * (1 - Math.cos(Math.PI / tMax))) / 2;
      else if (step > 0)
        rate = ((1 + Math.cos((Math.PI * step) / tMax)) / (1 + Math.cos((Math.PI * (step - 1)) / tMax))) * (rate - least) + least;
      return rate;
    });
  },
  multiStep(milestones: number[], gamma: number): number[] {
    let rate = 1e-3;
    return EPOCHS.map((_, step) => {
      if (milestones.includes(step)) rate *= gamma;
      return rate;
    });
  },
  plateau(factor: number, patience: number, threshold: number, cooldown: number, least: number): number[] {
    let [rate, best, bad, cooling] = [1e-3, Number.POSITIVE_INFINITY, 0, 0];
    return EPOCHS.map((_, step) => {
      const before = rate;
      const loss = losses[step] as number;
      if (loss < best * (1 - threshold)) [best, bad] = [loss, 0];
      else bad += 1;
      if (cooling > 0) [cooling, bad] = [cooling - 1, 0];
      if (bad > patience) {
        const next = Math.max(rate * factor, least);
        if (rate - next > 1e-8) rate = next;
        [cooling, bad] = [cooldown, 0];
      }
      return before;
    });
  },
};

describe('schedules over 100 epochs', () => {
  it.each([
    { name: 'CosineAnnealingLR to the last epoch', given: settings('CosineAnnealingLR', {}), expected: pytorch.cosine(100, 0) },
    {
      name: 'CosineAnnealingLR down and up again',
      given: settings('CosineAnnealingLR', { tMax: 30, minLearningRate: 1e-5 }),
      expected: pytorch.cosine(30, 1e-5),
    },
    {
      name: 'MultiStepLR',
      given: settings('MultiStepLR', { milestones: [30, 60, 90], gamma: 0.2 }),
      expected: pytorch.multiStep([30, 60, 90], 0.2),
    },
    {
      name: "ReduceLROnPlateau with the original's settings",
      given: settings('ReduceLROnPlateau', { factor: 0.5, patience: 5, threshold: 0.01, cooldown: 2, minLearningRate: 1e-6 }),
      expected: pytorch.plateau(0.5, 5, 0.01, 2, 1e-6),
    },
    {
      name: 'ReduceLROnPlateau without patience down to its floor',
      given: settings('ReduceLROnPlateau', { factor: 0.3, patience: 0, threshold: 0, cooldown: 0, minLearningRate: 1e-5 }),
      expected: pytorch.plateau(0.3, 0, 0, 0, 1e-5),
    },
  ])('$name equals PyTorch', ({ given, expected }) => {
    const actual = rates(given);
    expect(new Set(actual).size).toBeGreaterThan(3);
    for (const [index, rate] of actual.entries()) expect(Math.abs(rate - (expected[index] as number))).toBeLessThan(1e-12);
  });

  it('climbs linearly before any schedule, which then begins at its own first epoch', () => {
    const schedule = createSchedule(settings('MultiStepLR', { warmupEpochs: 3, milestones: [2], gamma: 0.1 }));
    const first = [1, 2, 3, 4, 5, 6].map((epoch) => schedule.rateFor(epoch));
    for (const [index, rate] of [2.5e-4, 5e-4, 7.5e-4, 1e-3, 1e-3, 1e-4].entries()) expect(first[index]).toBeCloseTo(rate, 12);
  });

  it('continues from its state, sent through JSON, as if it had never stopped', () => {
    const given = settings('ReduceLROnPlateau', { factor: 0.5, patience: 2, cooldown: 1, warmupEpochs: 4 });
    const whole = rates(given);
    let schedule = createSchedule(given);
    const resumed = EPOCHS.map((epoch) => {
      const next = createSchedule(given);
      next.restore(JSON.parse(JSON.stringify(schedule.state())));
      schedule = next;
      const rate = schedule.rateFor(epoch);
      schedule.observe(epoch, losses[epoch - 1] as number);
      return rate;
    });
    expect(resumed).toEqual(whole);
  });

  it.each([null, 3, {}, { plateau: { rate: 1, best: null, bad: 0 }, changes: [] }, { plateau: null, changes: [] }])(
    'refuses the state %j',
    (state) => {
      expect(() => createSchedule(settings('ReduceLROnPlateau', {})).restore(state)).toThrow(
        expect.objectContaining({ code: 'checkpoint-invalid' }),
      );
    },
  );
});
