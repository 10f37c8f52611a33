import { randomFor } from '@carpal/masks/random.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { nativeBackend } from '../engine/graph/native-binding.ts';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { decodeSafetensors, encodeSafetensors } from '../engine/safetensors.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { relativeDifference } from '../engine/testing/check-gradients.ts';
import type { Model } from '../models/model.ts';
import { lossValueOf } from '../objective/losses.ts';
import type { StepBatch, TrainingStep } from './step.ts';
import { createEagerStep } from './testing/eager-step.ts';
import { buildSmall } from './testing/small-networks.ts';
import type { TrainingSettings } from './training-function.ts';
import { createTrainingStep, type RecordedTrainingStep } from './training-step.ts';

const SIZE = 16;
const CLASSES = 3;
const LOSSES = [
  { name: 'Dice', weight: 0.5 },
  { name: 'BCE', weight: 0.5 },
] as const;

/** Bright squares in noise; class c is the part of the square below row 4·c. */
function batchOf(seed: number, count = 2, size = SIZE): StepBatch {
  const random = randomFor(seed, 'batch');
  const images = new Float32Array(count * size * size);
  const targets = new Uint8Array(images.length * CLASSES);
  for (let n = 0; n < count; n++) {
    const [left, top] = [random.integer(8), random.integer(8)];
    for (let pixel = 0; pixel < size * size; pixel++) {
      const [x, y] = [pixel % size, Math.floor(pixel / size)];
      const inside = x >= left && x < left + 8 && y >= top && y < top + 8;
      const at = n * size * size + pixel;
      images[at] = 0.2 * random.next() + (inside ? 0.6 : 0);
      for (let c = 0; c < CLASSES; c++) targets[at * CLASSES + c] = inside && y >= 4 * c ? 255 : 0;
    }
  }
  return { images, targets, count, size };
}

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

type Given = Partial<TrainingSettings> & {
  readonly network?: readonly [name: string, options: object];
  readonly weights?: number;
  readonly create?: (settings: TrainingSettings) => TrainingStep;
};

/** A step of a small network; `weights` is the seed of its initial weights. */
function start({ network = ['SlimUNet', { width: 4, depth: 3 }], weights = 1, create = createTrainingStep, ...more }: Given = {}) {
  const model: Model = buildSmall(network[0], { options: network[1], classes: CLASSES, seed: weights });
  const step = create({ model, losses: LOSSES, optimizer: { name: 'AdamW', weightDecay: 1e-2 }, ...more });
  open.push(
    () => step.dispose(),
    () => model.dispose(),
  );
  return { model, step };
}

const trainOn = (step: TrainingStep, batches: readonly StepBatch[]): number[] => batches.map((batch) => step.run(batch, 1e-2));
const train = (step: TrainingStep, from: number, to: number): number[] =>
  trainOn(step, Array.from({ length: to - from }, (_, index) => batchOf(from + index))); // biome-ignore format: a call

const throughFile = (state: NamedArrays): NamedArrays => decodeSafetensors(encodeSafetensors(state)).arrays;
const values = (step: TrainingStep, name: string): Float32Array => step.readState().get(name)?.data as Float32Array;

describe('the training step', () => {
  it('learns', () => {
    const losses = train(start().step, 0, 60);
    expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] as number));
  });

  it('computes the same bits for the same seed and batches', () => {
    const [one, other] = [start().step, start().step];
    expect(train(one, 0, 5)).toEqual(train(other, 0, 5));
    expect(one.readState()).toEqual(other.readState());
  });

  it('does not change when the caller overwrites the arrays that it passed', () => {
    const { step } = start();
    const batch = batchOf(0);
    step.run(batch, 1e-2);
    const state = step.readState();
    step.writeState(state);
    batch.images.fill(7);
    for (const { data } of state.values()) data.fill(7);
    expect(values(step, 'model/head/bias')).not.toContain(7);
  });

  it('holds no more tensors after thirty steps than after three', () => {
    const { step } = start({ accumulate: 2, gradientClip: 1 });
    train(step, 0, 3);
    const { numTensors, numDataBuffers } = tf.memory();
    train(step, 3, 33);
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
  });

  it('returns a loss that is not finite instead of hiding it', () => {
    const batch = batchOf(0);
    batch.images[5] = Number.NaN;
    expect(start().step.run(batch, 1e-2)).toBeNaN();
  });

  it('refuses the state of another network or another accumulation, and a size that the network does not accept', () => {
    const { step } = start({ accumulate: 2 });
    expect(() => step.writeState(start().step.readState())).toThrow(expect.objectContaining({ code: 'weights-mismatch' }));
    const waiting = new Map(step.readState()).set('optimizer/waitingBatches', { shape: [], data: Float32Array.of(2) });
    expect(() => step.writeState(waiting)).toThrow(expect.objectContaining({ code: 'weights-mismatch' }));
    const odd = { images: new Float32Array(100), targets: new Uint8Array(300), count: 1, size: 10 };
    expect(() => step.run(odd, 1e-2)).toThrow(expect.objectContaining({ code: 'manifest-invalid' }));
  });
});

describe('a resumed training step', () => {
  it.each([
    { name: 'an update per batch', given: {} },
    { name: 'accumulation, stopped between two updates', given: { accumulate: 2, gradientClip: 0.5 } },
    { name: 'dropout', given: { network: ['CustomUNet', { width: 4 }] as const, seed: 5 } },
  ])('ends with the same bits as an uninterrupted one: $name', ({ given }) => {
    const whole = start(given).step;
    const losses = train(whole, 0, 6);
    const first = start(given).step;
    const before = train(first, 0, 3);
    const second = start({ ...given, weights: 2 }).step;
    second.writeState(throughFile(first.readState()));
    expect([...before, ...train(second, 3, 6)]).toEqual(losses);
    expect(second.readState()).toEqual(whole.readState());
  });

  it('ends with the same bits when batch shapes come in another order', () => {
    const batches = [batchOf(0), batchOf(1, 1), batchOf(2), batchOf(3, 1)];
    const [whole, half, rest] = [start().step, start().step, start({ weights: 2 }).step];
    const losses = trainOn(whole, batches);
    const before = trainOn(half, batches.slice(0, 1));
    rest.writeState(half.readState());
    expect([...before, ...trainOn(rest, batches.slice(1))]).toEqual(losses);
    expect(rest.readState()).toEqual(whole.readState());
  });
});

describe('dropout', () => {
  it('drops different values in every step and for every seed', () => {
    // With a learning rate of 0, only dropout distinguishes two steps on the same batch.
    const losses = [1, 2].flatMap((seed) => {
      const { step } = start({ network: ['CustomUNet', { width: 4 }], seed });
      return [0, 1].map(() => step.run(batchOf(1, 2, 32), 0));
    });
    expect(new Set(losses).size).toBe(4);
  });
});

describe('gradient accumulation', () => {
  it('updates the weights only with the last accumulated batch, by the mean of the gradients', () => {
    const { step } = start({ accumulate: 2 });
    const initial = values(step, 'model/head/kernel');
    step.run(batchOf(0), 1e-2);
    expect(values(step, 'model/head/kernel')).toEqual(initial);
    step.run(batchOf(0), 1e-2);
    const alone = start().step;
    alone.run(batchOf(0), 1e-2);
    const expected = values(alone, 'model/head/kernel');
    for (const [index, value] of values(step, 'model/head/kernel').entries()) expect(value).toBeCloseTo(expected[index] as number, 5);
  });

  it('sums and clips the same gradients as the eager step', () => {
    const given = { accumulate: 2, gradientClip: 0.1 };
    const [graph, eager] = [start(given).step, start({ ...given, create: createEagerStep }).step];
    train(graph, 0, 2);
    train(eager, 0, 2);
    const gradients = (step: TrainingStep): number[] =>
      [...step.readState()].flatMap(([name, { data }]) => (name.startsWith('optimizer/mean/') ? [...data] : []));
    expect(relativeDifference(gradients(graph), gradients(eager))).toBeLessThan(1e-4);
  });
});

describe('batches of different shapes', () => {
  const batches = [batchOf(0), batchOf(1, 1), batchOf(2), batchOf(3, 2, 32)];

  it('have the losses of the eager step', () => {
    const [graph, eager] = [start().step, start({ create: createEagerStep }).step];
    const expected = trainOn(eager, batches);
    for (const [index, loss] of trainOn(graph, batches).entries()) expect(loss).toBeCloseTo(expected[index] as number, 4);
  });

  it('share one session and its state', () => {
    const sessions = (): number => nativeBackend().binding.getNumOfSavedModels();
    const before = sessions();
    const { step } = start();
    for (const batch of batches) {
      step.run(batch, 1e-3);
      expect(sessions()).toBe(before + 1);
    }
    step.dispose();
    open.shift();
    expect(sessions()).toBe(before);
  });
});

describe('the memory estimate of a step', () => {
  it('grows with pixels and images for live values, but not for the state', () => {
    const { step, model } = start();
    const { estimateMemory } = step as RecordedTrainingStep;
    expect(estimateMemory(1, 64).live / estimateMemory(1, 32).live).toBeCloseTo(4, 0);
    expect(estimateMemory(8, 64).live / estimateMemory(1, 64).live).toBeCloseTo(8, 0);
    expect(estimateMemory(8, 64).state).toBe(estimateMemory(1, 32).state);
    const weights = model.variables.reduce((sum, { variable }) => sum + variable.size, 0);
    expect(estimateMemory(1, 32).state).toBeGreaterThan(4 * weights);
    // The step still trains after the estimates.
    expect(step.run(batchOf(0), 1e-3)).toBeGreaterThan(0);
  });
});

describe('the heads of deep supervision', () => {
  const network = ['NestedUNet', { width: 2, deepSupervision: true }] as const;
  const lossOfFirstStep = (headWeights?: readonly number[]): number => start({ network, headWeights }).step.run(batchOf(0), 0);

  it('count equally by default', () => {
    const { step, model } = start({ network });
    const { images, targets, count, size } = batchOf(0);
    const byHead = tf.tidy(() => {
      const truth: Tensor4D = tf.div(tf.tensor4d([...targets], [count, size, size, CLASSES]), 255);
      const heads = model.forward(tf.tensor4d(images, [count, size, size, 1]), true);
      return heads.map((logits) => lossValueOf(LOSSES)(logits, truth).dataSync()[0] as number);
    });
    expect(new Set(byHead).size).toBe(4);
    expect(step.run(batchOf(0), 0)).toBeCloseTo(byHead.reduce((sum, loss) => sum + loss, 0) / 4, 5);
  });

  it('count by their weights', () => {
    const tiny = 1e-9;
    const alone = [0, 1, 2, 3].map((head) => lossOfFirstStep([tiny, tiny, tiny, tiny].with(head, 1)));
    const weights = [4, 3, 2, 1];
    const expected = alone.reduce((sum, loss, head) => sum + loss * (weights[head] as number), 0) / 10;
    expect(lossOfFirstStep(weights)).toBeCloseTo(expected, 5);
    expect(lossOfFirstStep([5, 5, 5, 5])).toBeCloseTo(lossOfFirstStep(), 5);
  });

  it('must have one weight each', () => {
    const error = { code: 'manifest-invalid', message: expect.stringContaining('2 weights for 4 heads') };
    expect(() => lossOfFirstStep([1, 1])).toThrow(expect.objectContaining(error));
  });
});
