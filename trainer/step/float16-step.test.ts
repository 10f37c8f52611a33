import { randomFor } from '@carpal/masks/random.ts';
import { describe, expect, it } from 'vitest';
import { withGradient } from '../engine/kernels.ts';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { buildModel } from '../models/registry.ts';
import type { LossScaleSettings } from './loss-scaler.ts';
import type { StepBatch, TrainingStep } from './step.ts';
import type { TrainingSettings } from './training-function.ts';
import { createTrainingStep } from './training-step.ts';

/** Loss scaling is the same on every machine; the graph runs in float16 only on a GPU. */

const CLASSES = 3;
const SIZE = 16;
/** With this scale, the gradient of the loss weight below overflows even float32. */
const TOO_LARGE = 2 ** 127;
const HEAVY = [{ name: 'BCE', weight: 1000 }] as const;

function batchOf(index: number): StepBatch {
  const random = randomFor(7, 'batch', index);
  const images = Float32Array.from({ length: 2 * SIZE * SIZE }, () => random.next());
  const targets = Uint8Array.from({ length: images.length * CLASSES }, (_, at) =>
    (images[Math.floor(at / CLASSES)] ?? 0) > 0.5 ? 255 : 0,
  );
  return { images, targets, count: 2, size: SIZE };
}

function settingsOf(lossScale: LossScaleSettings, more: Partial<TrainingSettings> = {}): TrainingSettings {
  const model = buildModel({ name: 'SlimUNet', options: { width: 4, depth: 2 }, classes: CLASSES, seed: 3 });
  const losses = [{ name: 'BCE', weight: 1 }] as const;
  return { model, losses, optimizer: { name: 'AdamW', weightDecay: 1e-2 }, precision: 'float16', lossScale, ...more };
}

function withStep<T>(settings: TrainingSettings, work: (step: TrainingStep) => T): T {
  const step = createTrainingStep(settings);
  try {
    return work(step);
  } finally {
    step.dispose();
    settings.model.dispose();
  }
}

const run = (step: TrainingStep, from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => step.run(batchOf(from + index), 1e-3));
const number = (state: NamedArrays, name: string): number => state.get(`optimizer/${name}`)?.data[0] ?? Number.NaN;
const scaleOf = (step: TrainingStep): number => number(step.readState(), 'lossScale');

/** The moving averages of batch normalisation, which every step changes. */
function averages({ model }: TrainingSettings, state: NamedArrays): NamedArrays {
  const names = new Set(model.variables.filter(({ trainable }) => !trainable).map(({ name }) => `model/${name}`));
  return new Map([...state].filter(([name]) => names.has(name)));
}

/** The state that a skipped step must not change: everything except the scale and the moving averages. */
function kept(settings: TrainingSettings, state: NamedArrays): NamedArrays {
  const others = new Set(['optimizer/lossScale', 'optimizer/goodSteps', ...averages(settings, state).keys()]);
  return new Map([...state].filter(([name]) => !others.has(name)));
}

/** A network with a finite loss and infinite gradients. */
function overflowing(settings: TrainingSettings): TrainingSettings {
  const { forward } = settings.model;
  const steep = (logits: Tensor4D): Tensor4D =>
    withGradient([logits], () => ({
      value: tf.clone(logits),
      saved: [],
      gradient: (dy) => [tf.mul(dy, tf.scalar(Number.POSITIVE_INFINITY))],
    }));
  const model = { ...settings.model, forward: (...given: Parameters<typeof forward>) => forward(...given).map(steep) };
  return { ...settings, model };
}

describe('a float16 step', () => {
  it('has the weights of the float32 step within 1e-5 while nothing overflows', () => {
    const more = { gradientClip: 0.5 };
    const plain = withStep({ ...settingsOf({}, more), precision: 'float32' }, (step) => ({
      losses: run(step, 0, 3),
      state: step.readState(),
    }));
    withStep(settingsOf({}, more), (step) => {
      expect(run(step, 0, 3)).toEqual(plain.losses.map((loss) => expect.closeTo(loss, 5)));
      const state = step.readState();
      expect(state.size).toBe(plain.state.size + 2);
      for (const [name, { data }] of plain.state) {
        const other = state.get(name)?.data ?? [];
        const most = Math.max(...data.map((value, index) => Math.abs(value - (other[index] ?? Number.NaN))));
        expect(most, name).toBeLessThan(1e-5);
      }
      expect([number(state, 'lossScale'), number(state, 'goodSteps')]).toEqual([2 ** 16, 3]);
    });
  });

  it('halves the scale and changes no weight and no slot when gradients overflow, then continues', () => {
    const settings = settingsOf({ initial: TOO_LARGE }, { losses: HEAVY });
    withStep(settings, (step) => {
      const first = step.readState();
      const [loss] = run(step, 0, 1);
      expect(Number.isFinite(loss)).toBe(true);
      const second = step.readState();
      expect([number(second, 'lossScale'), number(second, 'goodSteps')]).toEqual([2 ** 126, 0]);
      expect(kept(settings, second)).toEqual(kept(settings, first));
      expect(averages(settings, second)).not.toEqual(averages(settings, first));

      const losses = run(step, 1, 40);
      expect(losses.every(Number.isFinite)).toBe(true);
      expect(losses.at(-1)).toBeLessThan(loss ?? 0);
      const last = step.readState();
      expect(number(last, 'lossScale')).toBeLessThan(2 ** 126);
      expect(number(last, 'goodSteps')).toBeGreaterThan(0);
    });
  });

  it('skips a step in the middle of training too, when the slots are not zero', () => {
    const settings = settingsOf({}, { losses: HEAVY });
    withStep(settings, (step) => {
      run(step, 0, 3);
      const before = step.readState();
      step.writeState(new Map([...before, ['optimizer/lossScale', { shape: [], data: Float32Array.of(TOO_LARGE) }]]));
      run(step, 3, 4);
      expect(scaleOf(step)).toBe(2 ** 126);
      expect(kept(settings, step.readState())).toEqual(kept(settings, before));
    });
  });

  it('skips the whole update when one of the accumulated batches has overflowed', () => {
    const settings = settingsOf({ initial: TOO_LARGE }, { losses: HEAVY, accumulate: 2, gradientClip: 1 });
    withStep(settings, (step) => {
      const before = step.readState();
      run(step, 0, 1);
      expect(scaleOf(step)).toBe(TOO_LARGE);
      run(step, 1, 2);
      expect(scaleOf(step)).toBe(2 ** 126);
      expect(kept(settings, step.readState())).toEqual(kept(settings, before));
    });
  });

  it('doubles the scale after the given number of good steps in a row', () => {
    withStep(settingsOf({ initial: 8, growthInterval: 3 }), (step) => {
      const scales = Array.from({ length: 7 }, (_, index) => {
        run(step, index, index + 1);
        return scaleOf(step);
      });
      expect(scales).toEqual([8, 8, 16, 16, 16, 32, 32]);
      expect(number(step.readState(), 'goodSteps')).toBe(1);
    });
  });

  it('ends with the same bits if it is saved and loaded between an overflow and a growth of the scale', () => {
    const lossScale = { initial: TOO_LARGE, growthInterval: 4 };
    const fresh = () => settingsOf(lossScale, { losses: HEAVY });
    const whole = withStep(fresh(), (step) => ({ losses: run(step, 0, 24), state: step.readState() }));
    const half = withStep(fresh(), (step) => ({ losses: run(step, 0, 14), state: step.readState() }));
    const rest = withStep(fresh(), (step) => {
      step.writeState(half.state);
      return { losses: run(step, 14, 24), state: step.readState() };
    });
    expect([...half.losses, ...rest.losses]).toEqual(whole.losses);
    expect(rest.state).toEqual(whole.state);
    expect(number(half.state, 'lossScale')).toBeLessThan(TOO_LARGE);
    expect(number(half.state, 'goodSteps')).toBeGreaterThan(0);
  });

  it('reports that training has diverged when no scale makes the gradients finite', () => {
    withStep(overflowing(settingsOf({ initial: 2 ** -14 })), (step) => {
      expect(run(step, 0, 3).map(Number.isFinite)).toEqual([true, true, false]);
    });
  });
});
