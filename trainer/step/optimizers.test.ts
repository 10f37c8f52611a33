import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../engine/safetensors.ts';
import { relativeDifference } from '../engine/testing/check-gradients.ts';
import type { OptimizerSettings } from '../objective/create-optimizer.ts';
import type { StepBatch, TrainingStep } from './step.ts';
import { createEagerStep } from './testing/eager-step.ts';
import { smallModel } from './testing/small-model.ts';
import type { TrainingSettings } from './training-function.ts';
import { createTrainingStep } from './training-step.ts';

/** A network of two layers over single pixels, and PyTorch's results; see objective/reference/export.py. */
type Fixture = {
  readonly size: number;
  readonly classes: number;
  readonly rates: readonly number[];
  readonly problem: {
    readonly variables: Record<string, readonly (number | readonly number[])[]>;
    readonly images: readonly (readonly number[])[];
    readonly coverage: readonly (readonly number[])[];
  };
  readonly rows: readonly (Required<OptimizerSettings> & {
    readonly losses: readonly number[];
    readonly after: Record<'1' | '20', Record<string, readonly number[]>>;
  })[];
};
const fixture: Fixture = JSON.parse(readFileSync(new URL('../objective/reference/fixtures/optimizers.json', import.meta.url), 'utf8'));

const STEPS = [
  { step: 'the eager oracle', create: createEagerStep },
  { step: 'the recorded step', create: createTrainingStep },
] as const;
const rows = fixture.rows.flatMap((row) => STEPS.map((step) => ({ ...row, ...step })));

function batchOf(index: number): StepBatch {
  const { images, coverage } = fixture.problem;
  const { size } = fixture;
  return {
    images: Float32Array.from(images[index % 2] ?? []),
    targets: Uint8Array.from(coverage[index % 2] ?? []),
    count: 2,
    size,
  };
}

function open(create: (settings: TrainingSettings) => TrainingStep, optimizer: OptimizerSettings, more: Partial<TrainingSettings> = {}) {
  const model = smallModel(fixture.problem.variables, fixture.classes);
  const step = create({ model, losses: [{ name: 'BCE', weight: 1 }], optimizer, ...more });
  const run = (from: number, to: number): number[] =>
    fixture.rates.slice(from, to).map((rate, index) => step.run(batchOf(from + index), rate));
  const close = (): void => {
    step.dispose();
    model.dispose();
  };
  return { step, run, close };
}

describe('the optimizer', () => {
  it.each(rows)('$name with $options follows PyTorch for 20 steps of falling rates in $step', ({ create, losses, after, ...row }) => {
    const { step, run, close } = open(create, row);
    const found = [...run(0, 1)];
    const weights = () => new Map([...step.readState()].map(([name, { data }]) => [name, data]));
    const first = weights();
    found.push(...run(1, 20));
    const last = weights();
    expect(relativeDifference(found, losses)).toBeLessThan(2e-6);
    for (const name of Object.keys(fixture.problem.variables)) {
      expect(relativeDifference(first.get(`model/${name}`) ?? [], after['1'][name] ?? [])).toBeLessThan(2e-6);
      expect(relativeDifference(last.get(`model/${name}`) ?? [], after['20'][name] ?? [])).toBeLessThan(1e-5);
    }
    close();
  });

  it.each(fixture.rows)('$name with $options, saved after 5 steps and loaded, ends with the same bits as 10 uninterrupted steps', (row) => {
    // With everything else that has state: 10 batches are 5 updates, and the save is between two updates.
    const more = { accumulate: 2, gradientClip: 0.05, average: { decay: 0.9 } };
    const [whole, half, rest] = [1, 2, 3].map(() => open(createTrainingStep, row, more)) as [Opened, Opened, Opened];
    const losses = whole.run(0, 10);
    const before = half.run(0, 5);
    rest.step.writeState(decodeSafetensors(encodeSafetensors(half.step.readState())).arrays);
    expect([...before, ...rest.run(5, 10)]).toEqual(losses);
    expect(rest.step.readState()).toEqual(whole.step.readState());
    for (const { close } of [whole, half, rest]) close();
  });

  it.each(fixture.rows)('$name with $options changes nothing in a float16 step whose gradients overflow', (row) => {
    const { step, run, close } = open(createTrainingStep, row, {
      precision: 'float16',
      lossScale: { initial: 8 },
      average: { decay: 0.9 },
    });
    run(0, 3);
    const kept = () => [...step.readState()].filter(([name]) => !/lossScale|goodSteps/.test(name));
    const before = kept();
    const broken = batchOf(0);
    broken.images[3] = Number.POSITIVE_INFINITY;
    step.run(broken, 0.05);
    expect(kept()).toEqual(before);
    run(3, 5);
    expect(kept()).not.toEqual(before);
    close();
  });
});

type Opened = ReturnType<typeof open>;
