import { randomFor } from '@carpal/masks/random.ts';
import { afterEach, describe, expect, it } from 'vitest';
import { buildModel } from '../models/registry.ts';
import { readWeights } from '../models/weights.ts';
import { lossValueOf } from '../objective/losses.ts';
import { createEagerEvaluator, createEagerPredictor } from './eager-inference.ts';
import { createEagerStep } from './eager-step.ts';
import type { NamedArrays } from './named-arrays.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
import type { StepBatch, TrainingStep } from './step.ts';
import { type Tensor4D, tf } from './tensorflow.ts';
import type { TrainingSettings } from './training-function.ts';

const SIZE = 16;
const CLASSES = 3;
const LOSSES = [
  { name: 'Dice', weight: 0.5 },
  { name: 'BCE', weight: 0.5 },
] as const;

/** Bright squares in noise; class c is the square's part below row 4·c. */
function batchOf(seed: number, count = 2): StepBatch {
  const random = randomFor(seed, 'batch');
  const images = new Float32Array(count * SIZE * SIZE);
  const targets = new Uint8Array(images.length * CLASSES);
  for (let n = 0; n < count; n++) {
    const [left, top] = [random.integer(8), random.integer(8)];
    for (let pixel = 0; pixel < SIZE * SIZE; pixel++) {
      const [x, y] = [pixel % SIZE, Math.floor(pixel / SIZE)];
      const inside = x >= left && x < left + 8 && y >= top && y < top + 8;
      const at = n * SIZE * SIZE + pixel;
      images[at] = 0.2 * random.next() + (inside ? 0.6 : 0);
      for (let c = 0; c < CLASSES; c++) targets[at * CLASSES + c] = inside && y >= 4 * c ? 255 : 0;
    }
  }
  return { images, targets, count, size: SIZE };
}

const open: (() => void)[] = [];
function startStep(settings: Partial<TrainingSettings> = {}, seed = 1) {
  const model = buildModel({ name: 'SlimUNet', options: { width: 4, depth: 3 }, classes: CLASSES, seed });
  const step = createEagerStep({ model, losses: LOSSES, optimizer: { name: 'AdamW', weightDecay: 1e-2 }, ...settings });
  open.push(
    () => step.dispose(),
    () => model.dispose(),
  );
  return { model, step };
}

function train(step: TrainingStep, from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => step.run(batchOf(from + index), 1e-2));
}

const throughFile = (state: NamedArrays): NamedArrays => decodeSafetensors(encodeSafetensors(state)).arrays;

afterEach(() => {
  for (const close of open.splice(0)) close();
});

describe('the eager step', () => {
  it('learns', () => {
    const { step } = startStep();
    const losses = train(step, 0, 40);
    expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] as number));
  });

  it('weighs the heads of deep supervision alike', () => {
    const model = buildModel({ name: 'NestedUNet', options: { width: 2, deepSupervision: true }, classes: CLASSES, seed: 1 });
    const step = createEagerStep({ model, losses: LOSSES, optimizer: { name: 'AdamW', weightDecay: 0 } });
    open.push(step.dispose, model.dispose);
    const batch = batchOf(0);
    const { images, targets, count, size } = batch;
    const byHead = tf.tidy(() => {
      const truth: Tensor4D = tf.div(tf.tensor4d([...targets], [count, size, size, CLASSES]), 255);
      const heads = model.forward(tf.tensor4d(images, [count, size, size, 1]), true);
      return heads.map((logits) => lossValueOf(LOSSES)(logits, truth).dataSync()[0] as number);
    });
    expect(new Set(byHead).size).toBe(4);
    expect(step.run(batch, 0)).toBeCloseTo(byHead.reduce((sum, loss) => sum + loss, 0) / 4, 5);
  });

  it('gives the same bits for the same seed and batches', () => {
    const [one, other] = [startStep().step, startStep().step];
    expect(train(one, 0, 5)).toEqual(train(other, 0, 5));
    expect(one.readState()).toEqual(other.readState());
  });

  it.each([
    { name: 'every batch', accumulate: 1, stop: 3 },
    { name: 'two batches, stopped between them', accumulate: 2, stop: 3 },
  ])('goes on from a saved state as if never stopped, with a move for $name', ({ accumulate, stop }) => {
    const settings = { accumulate, gradientClip: 0.5 };
    const whole = startStep(settings).step;
    const losses = train(whole, 0, 6);
    const first = startStep(settings).step;
    const before = train(first, 0, stop);
    const saved = throughFile(first.readState());
    const second = startStep(settings, 2).step;
    second.writeState(saved);
    expect([...before, ...train(second, stop, 6)]).toEqual(losses);
    expect(second.readState()).toEqual(whole.readState());
  });

  it('is not changed by arrays that the caller changes after handing them over', () => {
    const { step, model } = startStep();
    const batch = batchOf(0);
    step.run(batch, 1e-2);
    const state = step.readState();
    step.writeState(state);
    batch.images.fill(7);
    for (const { data } of state.values()) data.fill(7);
    expect(readWeights(model).get('model/head/bias')?.data).not.toContain(7);
  });

  it('keeps no tensor from one step to the next', () => {
    const { step } = startStep({ accumulate: 2, gradientClip: 1 });
    train(step, 0, 2);
    const { numTensors, numDataBuffers } = tf.memory();
    train(step, 2, 22);
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
  });

  it('moves only with the last of the batches that it accumulates, by the mean of their gradients', () => {
    const { step, model } = startStep({ accumulate: 2 });
    const kernel = () => readWeights(model).get('model/head/kernel')?.data as Float32Array;
    const start = kernel();
    step.run(batchOf(0), 1e-2);
    expect(kernel()).toEqual(start);
    step.run(batchOf(0), 1e-2);
    const { step: alone, model: other } = startStep();
    alone.run(batchOf(0), 1e-2);
    const expected = readWeights(other).get('model/head/kernel')?.data as Float32Array;
    for (const [index, value] of kernel().entries()) expect(value).toBeCloseTo(expected[index] as number, 5);
  });

  it('takes a last batch that is smaller', () => {
    const { step } = startStep();
    expect(step.run(batchOf(1, 2), 1e-2)).toBeGreaterThan(0);
    expect(step.run(batchOf(1, 1), 1e-2)).toBeGreaterThan(0);
  });

  it('returns a loss that is not finite instead of hiding it', () => {
    const { step } = startStep();
    const batch = batchOf(0);
    batch.images[5] = Number.NaN;
    expect(step.run(batch, 1e-2)).toBeNaN();
  });

  it("refuses another network's state, another accumulation's, and a size that cannot be halved", () => {
    const { step } = startStep({ accumulate: 2 });
    expect(() => step.writeState(startStep().step.readState())).toThrow(expect.objectContaining({ code: 'weights-mismatch' }));
    const waiting = new Map(step.readState()).set('optimizer/waitingBatches', { shape: [], data: Float32Array.of(2) });
    expect(() => step.writeState(waiting)).toThrow(expect.objectContaining({ code: 'weights-mismatch' }));
    const odd = { images: new Float32Array(100), targets: new Uint8Array(300), count: 1, size: 10 };
    expect(() => step.run(odd, 1e-2)).toThrow(expect.objectContaining({ code: 'manifest-invalid' }));
  });
});

describe('eager inference', () => {
  it('gives the logits of each image whatever else is in the batch, and the loss of training', () => {
    const { step, model } = startStep();
    train(step, 0, 30);
    const predictor = createEagerPredictor(model);
    const evaluator = createEagerEvaluator({ model, losses: LOSSES });
    const batch = batchOf(99, 2);
    const both = predictor.run(batch.images, 2, SIZE);
    const first = predictor.run(batch.images.slice(0, SIZE * SIZE), 1, SIZE);
    for (const [index, logit] of first.entries()) expect(logit).toBeCloseTo(both[index] as number, 4);
    const before = tf.memory().numTensors;
    const { loss, logits } = evaluator.run(batch);
    expect(logits).toEqual(both);
    expect(loss).toBeGreaterThan(0);
    expect(loss).toBeLessThan(0.7);
    expect(tf.memory().numTensors).toBe(before);
  });
});
