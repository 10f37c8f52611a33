import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { randomFor } from '@carpal/masks/random.ts';
import { type PreparedSample, type PreparedSet, preparedPolygonFile } from '@carpal/report/dataset/prepared-set.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runPrepare } from '../stages/prepare.ts';
import { findPrepared } from '../stages/prepared-note.ts';
import type { Evaluator } from '../step/step.ts';
import { DiceThread } from './dice-thread.ts';
import { imageDice, TruthMasks } from './image-dice.ts';
import { tinyExperiment, writeTinyDataset } from './testing/tiny-dataset.ts';
import { type ValidationSource, validate } from './validate.ts';

const SIZE = 32;
const THRESHOLD = 0.4;
const never = new AbortController().signal;

let folder = '';
let prepared: PreparedSet;
let source: ValidationSource;
let dices: DiceThread;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-validate-'));
  await writeTinyDataset(join(folder, 'data'), 3);
  const experiment = tinyExperiment(join(folder, 'data'));
  await runPrepare({ experiment, store: openStore(folder), clock: Date.now });
  prepared = await findPrepared(experiment, openStore(folder));
  const [classes, samples] = [prepared.classes.length, prepared.samples.slice(0, 5)];
  source = { preparedFolder: prepared.folder, samples, classes, size: SIZE, batchSize: 2, seed: 1, targets: 'area' };
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(() => {
  dices = new DiceThread({ ...source, threshold: THRESHOLD });
});
afterEach(() => dices.close());

/** Noise for each image, the same for each call number. The loss of a batch is that number. */
function noisyEvaluator(): Evaluator & { readonly logits: Float32Array[] } {
  const logits: Float32Array[] = [];
  const run: Evaluator['run'] = ({ count, size }) => {
    const random = randomFor(logits.length, 'logits');
    const answer = Float32Array.from({ length: count * size * size * source.classes }, () => random.range(-3, 2));
    logits.push(answer);
    return { loss: logits.length, logits: answer };
  };
  return { run, logits, dispose: () => undefined };
}

/** Logits that depend only on the pixel itself, and a loss that depends on the targets. */
function pixelwiseEvaluator(): Evaluator & { readonly counts: number[] } {
  const counts: number[] = [];
  const run: Evaluator['run'] = ({ images, targets, count }) => {
    counts.push(count);
    const logits = new Float32Array(images.length * source.classes);
    for (const [pixel, value] of images.entries())
      for (let k = 0; k < source.classes; k++) logits[pixel * source.classes + k] = 6 * value - 2 + k / 10;
    return { loss: targets.reduce((sum, value) => sum + value, 0) / targets.length, logits };
  };
  return { run, counts, dispose: () => undefined };
}

describe('validate with crops', () => {
  it('returns the same as for whole images, bit for bit, if a crop is as large as the image', async () => {
    const whole = await validate(source, noisyEvaluator(), dices, never);
    expect(await validate({ ...source, cropSize: SIZE }, noisyEvaluator(), dices, never)).toEqual(whole);
  });

  it('averages the logits of overlapping windows into those of the whole image', async () => {
    const whole = await validate(source, pixelwiseEvaluator(), dices, never);
    const evaluator = pixelwiseEvaluator();
    const reported: number[] = [];
    const imageDone = async (done: number): Promise<void> => void reported.push(done);
    const found = await validate({ ...source, cropSize: 16 }, evaluator, dices, never, { imageDone });
    // Nine windows of five images, in batches of two.
    expect(evaluator.counts).toEqual([...Array.from({ length: 22 }, () => 2), 1]);
    expect(reported).toEqual([1, 2, 3, 4, 5]);
    for (const [index, value] of (found?.perClassDice ?? []).entries()) expect(value).toBeCloseTo(whole?.perClassDice[index] ?? 0, 4);
    expect(Math.max(...(found?.perClassDice ?? []))).toBeGreaterThan(0.4);
    expect(await validate({ ...source, cropSize: 16, batchSize: 20 }, pixelwiseEvaluator(), dices, never)).toMatchObject({
      dice: found?.dice,
      perClassDice: found?.perClassDice,
    });
  });

  it('has the mean loss of the windows', async () => {
    const oneImage = { ...source, samples: source.samples.slice(0, 1), cropSize: 16, batchSize: 9 };
    const { loss = Number.NaN } = (await validate(oneImage, pixelwiseEvaluator(), dices, never)) ?? {};
    const each = { ...oneImage, batchSize: 1 };
    expect((await validate(each, pixelwiseEvaluator(), dices, never))?.loss).toBeCloseTo(loss, 10);
  });

  it('returns undefined if the signal aborts between two windows of an image', async () => {
    const stop = new AbortController();
    let runs = 0;
    const advanced = (): void => (++runs === 3 ? stop.abort() : undefined);
    expect(await validate({ ...source, cropSize: 16 }, pixelwiseEvaluator(), dices, stop.signal, { advanced })).toBeUndefined();
    expect(runs).toBe(3);
  });
});

describe('validate', () => {
  it('returns the mean loss and, bit for bit, the Dice of the images in order', async () => {
    const evaluator = noisyEvaluator();
    const reported: number[] = [];
    let runs = 0;
    const listener = { imageDone: async (done: number) => void reported.push(done), advanced: () => void runs++ };
    const found = await validate(source, evaluator, dices, never, listener);
    const sums = new Float64Array(source.classes);
    const truth = new TruthMasks(prepared);
    for (const [index, sample] of source.samples.entries()) {
      const length = SIZE * SIZE * source.classes;
      const own = evaluator.logits[index >> 1]?.subarray((index % 2) * length, (1 + (index % 2)) * length) ?? new Float32Array(0);
      const values = imageDice(own, sample, await truth.of(sample), { ...source, threshold: THRESHOLD });
      for (const [classIndex, value] of values.entries()) sums[classIndex] = (sums[classIndex] as number) + value;
    }
    const perClassDice = Array.from(sums, (sum) => sum / 5);
    expect(found?.perClassDice).toEqual(perClassDice);
    expect(perClassDice.filter((value) => value > 0).length).toBeGreaterThan(2);
    expect(found?.loss).toBe((2 * 1 + 2 * 2 + 3) / 5);
    expect([reported, runs]).toEqual([[1, 2, 3, 4, 5], 3]);
    expect(await validate(source, noisyEvaluator(), dices, never)).toEqual(found);
  });

  it('returns undefined if the signal aborts halfway, and a later validation is complete', async () => {
    const stop = new AbortController();
    const evaluator = noisyEvaluator();
    expect(await validate(source, evaluator, dices, stop.signal, { imageDone: async () => stop.abort() })).toBeUndefined();
    expect(evaluator.logits).toHaveLength(2);
    expect(await validate(source, noisyEvaluator(), dices, never)).toMatchObject({ loss: 9 / 5 });
  });

  it('stops if the signal aborts during the masks of the last batch', async () => {
    const stop = new AbortController();
    const imageDone = async (done: number): Promise<void> => (done === 1 ? stop.abort() : undefined);
    const batch = { ...source, samples: source.samples.slice(0, 2) };
    expect(await validate(batch, noisyEvaluator(), dices, stop.signal, { imageDone })).toBeUndefined();
  });

  it('throws the error of the other thread with its code', async () => {
    const damaged = join(folder, 'damaged');
    await cp(prepared.folder, damaged, { recursive: true });
    const [first] = source.samples;
    await writeFile(join(damaged, preparedPolygonFile(first?.imageName ?? '')), 'x');
    const thread = new DiceThread({ ...source, preparedFolder: damaged, threshold: THRESHOLD });
    await expect(validate(source, noisyEvaluator(), thread, never)).rejects.toMatchObject({ code: 'prepared-invalid' });
    await thread.close();
  });

  it('rejects all pending results if the thread is closed', async () => {
    const logits = new Float32Array(SIZE * SIZE * source.classes);
    const answers = source.samples.map((sample) => dices.of(sample, logits));
    await dices.close();
    const late = dices.of(source.samples[0] as PreparedSample, logits);
    for (const answer of [...answers, late]) await expect(answer).rejects.toThrow('was closed');
  });
});
