/** Variables whose learning rate has a factor, as those of a pretrained encoder. */
import { OPTIMIZER_NAMES } from '@carpal/configs/schema/learning.ts';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../engine/safetensors.ts';
import { relativeDifference } from '../engine/testing/check-gradients.ts';
import type { TrainingStep } from './step.ts';
import { noiseBatch } from './testing/batches.ts';
import { createEagerStep } from './testing/eager-step.ts';
import { smallModel } from './testing/small-model.ts';
import type { TrainingSettings } from './training-function.ts';
import { createTrainingStep } from './training-step.ts';

const CLASSES = 2;
const WEIGHTS = {
  'hidden/kernel': [[0.4375, 0.21875, -0.890625]],
  'hidden/bias': [-0.53125, 0.390625, 0.28125],
  'head/kernel': [
    [0.046875, -0.40625],
    [0.03125, -0.46875],
    [0.9375, 0.171875],
  ],
  'head/bias': [-0.03125, -0.265625],
};
const RATE = 1 / 32;
const HIDDEN = ['hidden/kernel', 'hidden/bias'];
const HEAD = ['head/kernel', 'head/bias'];
const factors = (kernel: number, bias = kernel) => new Map([kernel, bias].map((factor, index) => [HIDDEN[index] ?? '', factor]));

type Options = Partial<TrainingSettings> & {
  readonly name: TrainingSettings['optimizer']['name'];
  readonly rateFactors?: ReadonlyMap<string, number>;
};

/** A step of the network of two layers. `run` does the steps of these indices; `factored` is the rate of the variables with factors. */
function open({ name, rateFactors, ...more }: Options, create: (settings: TrainingSettings) => TrainingStep = createTrainingStep) {
  const model = smallModel(WEIGHTS, CLASSES);
  const optimizer = { name, weightDecay: 0.1, ...(rateFactors && { rateFactors }) };
  const step = create({ model, losses: [{ name: 'BCE', weight: 1 }], optimizer, ...more });
  const run = (indices: readonly number[], factored?: number, rate = RATE): number[] =>
    indices.map((index) => step.run(noiseBatch(index, { classes: CLASSES, size: 4 }), rate, factored));
  const values = (names: readonly string[], part = 'model/') => {
    const state = step.readState();
    return names.map((variable) => [...(state.get(`${part}${variable}`)?.data ?? [Number.NaN])]);
  };
  const close = (): void => {
    step.dispose();
    model.dispose();
  };
  return { step, run, values, close };
}

describe.each(OPTIMIZER_NAMES)('%s with factors of the learning rate', (name) => {
  it('moves the variables without a factor by the learning rate, and each other by its own rate', () => {
    const [own, whole, half, quarter] = [{ rateFactors: factors(1 / 2, 1 / 4) }, {}, {}, {}].map((more) => open({ name, ...more })) as [
      Opened,
      Opened,
      Opened,
      Opened,
    ];
    own.run([1]);
    whole.run([1]);
    half.run([1], undefined, RATE / 2);
    quarter.run([1], undefined, RATE / 4);
    expect(own.values(HEAD)).toEqual(whole.values(HEAD));
    expect(own.values(['hidden/kernel'])).toEqual(half.values(['hidden/kernel']));
    expect(own.values(['hidden/bias'])).toEqual(quarter.values(['hidden/bias']));
    expect(own.values(HIDDEN)).not.toEqual(whole.values(HIDDEN));
    for (const { close } of [own, whole, half, quarter]) close();
  });

  it('is the same in the recorded step as in the eager step', () => {
    const [recorded, eager] = [createTrainingStep, createEagerStep].map((create) =>
      open({ name, rateFactors: factors(0.3, 0.7), accumulate: 2 }, create),
    ) as [Opened, Opened];
    for (const { run } of [recorded, eager]) {
      run([1, 2, 3, 4]);
      run([5, 6], 0);
      run([7, 8], 0.01);
    }
    for (const [index, values] of recorded.values([...HIDDEN, ...HEAD]).entries())
      expect(relativeDifference(values, eager.values([...HIDDEN, ...HEAD])[index] ?? [])).toBeLessThan(1e-5);
    for (const { close } of [recorded, eager]) close();
  });

  it.each(['float32', 'bfloat16', 'float16'] as const)(
    'keeps frozen weights and their average bit by bit in %s, with decay, and still follows their gradients',
    (precision) => {
      const { run, values, close, step } = open({ name, precision, rateFactors: factors(1), average: { decay: 0.5 }, gradientClip: 1 });
      const before = values(HIDDEN);
      const [headBefore] = values(HEAD);
      run([1, 2, 3], 0);
      expect(values(HIDDEN)).toEqual(before);
      expect(values(HIDDEN, 'optimizer/average/')).toEqual(before);
      expect(values(HEAD)[0]).not.toEqual(headBefore);
      const slots = [...step.readState()].filter(([slot]) => /^optimizer\/(mean|square|momentum)\/hidden/.test(slot));
      expect(slots.length).toBeGreaterThan(0);
      for (const [slot, { data }] of slots)
        expect(
          data.some((value) => value !== 0),
          slot,
        ).toBe(true);
      run([4]);
      expect(values(HIDDEN)).not.toEqual(before);
      close();
    },
  );

  it('of 1 for every variable has the bits of a step without factors', () => {
    const all = new Map([...HIDDEN, ...HEAD].map((variable) => [variable, 1]));
    const [own, plain] = [{ rateFactors: all }, {}].map((more) => open({ name, ...more })) as [Opened, Opened];
    expect(own.run([1, 2, 3])).toEqual(plain.run([1, 2, 3]));
    expect(own.step.readState()).toEqual(plain.step.readState());
    for (const { close } of [own, plain]) close();
  });

  it('ends with the same bits when the state is saved and loaded before the weights are released', () => {
    const more = { name, rateFactors: factors(0.3, 0.7), accumulate: 2, average: { decay: 0.9 } };
    const [whole, half, rest] = [1, 2, 3].map(() => open(more)) as [Opened, Opened, Opened];
    const losses = [...whole.run([1, 2, 3], 0), ...whole.run([4, 5, 6])];
    const before = half.run([1, 2], 0);
    rest.step.writeState(decodeSafetensors(encodeSafetensors(half.step.readState())).arrays);
    expect([...before, ...rest.run([3], 0), ...rest.run([4, 5, 6])]).toEqual(losses);
    expect(rest.step.readState()).toEqual(whole.step.readState());
    for (const { close } of [whole, half, rest]) close();
  });
});

type Opened = ReturnType<typeof open>;
