import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import { type ExperimentSpec, specSchema } from '@carpal/configs/schema/experiment.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sight, Viewing } from '../infer/views.ts';
import type { Model } from '../models/model.ts';
import { runEnsemble } from '../stages/ensemble.ts';
import { runFold } from '../stages/fold.ts';
import { runPrepare } from '../stages/prepare.ts';
import { engineOf, modelOf, type TrainingEngine } from '../step/training-engine.ts';
import { tinyExperiment, writeTinyDataset } from '../train/testing/tiny-dataset.ts';
import { checkStepFits, type StepCheck } from './check-memory.ts';
import { logitsMemoryMb } from './logits-memory.ts';
import type { TrialOutcome } from './trial.ts';

const MB = 2 ** 20;
const spec: ExperimentSpec = specSchema.parse({
  dataset: { uri: 'data' },
  model: { name: 'SlimUNet', options: { width: 4, depth: 3 } },
  input: { size: 256 },
  training: { batchSize: 8 },
});

describe('checkStepFits', () => {
  let model: Model;
  let engine: TrainingEngine;
  beforeAll(() => {
    model = modelOf(spec, 29);
    engine = engineOf(spec, model, () => undefined);
  });
  afterAll(() => {
    engine.dispose();
    model.dispose();
  });

  /** Runs the check with a limit. Returns its error, the limits of the trials, and the log. */
  async function checked(limitMb: number, outcome: TrialOutcome, more: Partial<StepCheck> = {}) {
    const [log, asked]: [string[], number[]] = [[], []];
    const trial = (_: unknown, trialLimitMb: number): Promise<TrialOutcome> => {
      asked.push(trialLimitMb);
      return Promise.resolve(outcome);
    };
    const limit = { bytes: limitMb * MB, from: 'the control group' } as const;
    const check = { spec, model, engine, limit, heldMb: 100, trial, log: (line: string) => void log.push(line), ...more };
    const error: unknown = await checkStepFits(check).catch((one: unknown) => one);
    return { error, asked, log };
  }

  const broken: TrialOutcome = { kind: 'failed', message: 'another' };
  const large: TrialOutcome = { kind: 'too-large', why: 'it is' };

  it('accepts a step with plenty of memory, without a trial', async () => {
    expect(await checked(100_000, large)).toEqual({ error: undefined, asked: [], log: [] });
  });

  it('rejects a step that cannot fit, without a trial, and names what fits', async () => {
    const { error, asked } = await checked(450, large);
    expect(asked).toEqual([]);
    expect(error).toMatchObject({
      code: 'memory-too-small',
      message: expect.stringMatching(
        /^training SlimUNet at 256 px with a batch of 8 needs about [\d.]+ GB of memory; the limit is 0\.44 GB \(the control group\)$/,
      ),
    });
  });

  it('tries a step if the estimate is close to the limit, and follows the result', async () => {
    const near = 1000;
    const refused = await checked(near, large);
    // The trial gets what this process leaves.
    expect(refused.asked).toEqual([near - 100]);
    expect(refused.log[0]).toMatch(/trying one step in a separate process first$/);
    expect(refused.error).toMatchObject({
      code: 'memory-too-small',
      fix: expect.stringMatching(/training\.batchSize can be at most about [1-7];/),
    });
    expect((await checked(near, broken)).error).toBeUndefined();
  });

  it('does not recommend the size that did not fit, and states no memory need that was not measured', async () => {
    const one = { ...spec, training: { ...spec.training, batchSize: 1 } };
    const { error, asked } = await checked(600, large, { spec: one });
    expect(asked).toEqual([500]);
    expect(error).toMatchObject({
      message: expect.stringContaining('with a batch of 1 needs more memory than is available; the limit is 0.59 GB'),
      fix: expect.stringMatching(
        /^At 256 px, not even one image fits; with training\.batchSize 1, input\.size can be at most about (?!256)\d+\./,
      ),
    });
  });
});

describe('a fold', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'carpal-fit-'));
    await writeTinyDataset(join(folder, 'data'), 4);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('that cannot fit fails as a manifest error before any step', async () => {
    const experiment = tinyExperiment(join(folder, 'data'));
    const store = openStore(folder);
    await runPrepare({ experiment, store, clock: Date.now });
    const stage = { experiment, fold: 0, store, clock: Date.now, signal: new AbortController().signal, log: () => undefined };
    await expect(runFold({ ...stage, memoryLimit: { bytes: 100 * MB, from: 'the control group' } })).rejects.toMatchObject({
      code: 'memory-too-small',
      exit: 78,
      fix: expect.stringContaining('No size fits'),
    });
    const progress = JSON.parse(await readFile(join(folder, foldKey(experiment, 0), FILE.progress), 'utf8')) as unknown;
    expect(progress).toMatchObject({ state: 'failed', error: { code: 'memory-too-small' } });
    expect(await store.list(`${foldKey(experiment, 0)}/checkpoint`)).toEqual([]);
  });

  it('that was stopped before its first step is checked when it resumes', async () => {
    const made = tinyExperiment(join(folder, 'data'));
    const experiment = { ...made, metadata: { ...made.metadata, uid: 'stopped-at-once' } };
    const store = openStore(folder);
    await runPrepare({ experiment, store, clock: Date.now });
    const stage = { experiment, fold: 0, store, clock: Date.now, log: () => undefined };
    await expect(runFold({ ...stage, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'stopped-with-checkpoint' });
    const memoryLimit = { bytes: 100 * MB, from: 'the control group' };
    const again = runFold({ ...stage, signal: new AbortController().signal, memoryLimit });
    await expect(again).rejects.toMatchObject({ code: 'memory-too-small', exit: 78 });
  });

  it('that is stopped while a step is tried stops and does not fail', async () => {
    const made = tinyExperiment(join(folder, 'data'));
    const experiment = { ...made, metadata: { ...made.metadata, uid: 'stopped' } };
    const store = openStore(folder);
    await runPrepare({ experiment, store, clock: Date.now });
    const stop = new AbortController();
    const lines: string[] = [];
    const log = (line: string): void => {
      lines.push(line);
      if (line.includes('trying one step in a separate process')) stop.abort();
    };
    const memoryLimit = { bytes: 500 * MB, from: 'the control group' };
    const stage = { experiment, fold: 0, store, clock: Date.now, signal: stop.signal, log, memoryLimit };
    await expect(runFold(stage)).rejects.toMatchObject({ code: 'stopped-with-checkpoint', exit: 75 });
    expect(lines.at(-1)).toMatch(/trying one step in a separate process/);
  });
});

const WHOLE = { degrees: 10, scale: 0.25 };
const WINDOW = { size: 512, stride: 256, weights: 'gaussian' } as const;
const MAP_OF_512 = 29;

describe('the logits held for one image', () => {
  const sight = (inputSize: number, imageSize = inputSize): Sight => ({ inputSize, imageSize, sizeMultiple: 16 });

  it.each<[string, Viewing, readonly Sight[], number]>([
    ['one map for one network with the identity view', { ...WHOLE, views: ['identity'] }, [sight(1024)], 4 * MAP_OF_512],
    ['the mean and one view for a network with more views', { ...WHOLE, views: ['identity', 'rotateLeft'] }, [sight(1024)], 8 * MAP_OF_512],
    [
      'the mean and one view for seven networks',
      { ...WHOLE, views: ['identity'] },
      Array.from({ length: 7 }, () => sight(2048)),
      32 * MAP_OF_512,
    ],
    ['the mean, and two small views that share a run', { ...WHOLE, views: ['identity', 'flipHorizontal'] }, [sight(512)], 3 * MAP_OF_512],
    [
      'the mean on the largest grid and the largest view',
      { ...WHOLE, views: ['identity', 'scaleUp'] },
      [sight(1024), sight(2048)],
      16 * (1 + 1.25 ** 2) * MAP_OF_512,
    ],
    ['one map and a run of three windows', { ...WHOLE, views: ['identity'], window: WINDOW }, [sight(2048)], (16 + 3) * MAP_OF_512],
    [
      'one map and a run of windows for a network trained on crops',
      { ...WHOLE, views: ['identity'] },
      [sight(512, 2048)],
      (16 + 3) * MAP_OF_512,
    ],
  ])('are %s', (_, viewing, networks, expectedMb) => {
    expect(logitsMemoryMb(networks, viewing, 29)).toBeCloseTo(expectedMb, 6);
  });
});

describe('an experiment whose views do not fit', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'carpal-views-'));
    await writeTinyDataset(join(folder, 'data'), 4);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is rejected by its folds before training, and by its ensemble before the first image', async () => {
    const tta = ['identity', 'scaleUp'] as const;
    const input = { size: 32, crop: { size: 32, imageSize: 1280 } };
    const experiment = tinyExperiment(join(folder, 'data'), { input, inference: { tta: [...tta], ttaScale: 0.25 } });
    const store = openStore(folder);
    await runPrepare({ experiment, store, clock: Date.now });
    // Enough for a training step, so that only the views are too large.
    const stage = { experiment, store, clock: Date.now, memoryLimit: { bytes: 800 * MB, from: 'the control group' } };
    const refusal = { code: 'memory-too-small', exit: 78 };
    const fold = runFold({ ...stage, fold: 0, signal: new AbortController().signal, log: () => undefined });
    await expect(fold).rejects.toMatchObject({
      ...refusal,
      where: 'spec.placement.memory, spec.inference.tta, spec.input.crop.imageSize',
      message: expect.stringMatching(/^the logits of one image need 0\.86 GB/),
    });
    expect(await store.list(`${foldKey(experiment, 0)}/checkpoint`)).toEqual([]);
    await expect(runEnsemble(stage)).rejects.toMatchObject({
      ...refusal,
      where: 'spec.placement.ensemble.memory, spec.inference.tta, spec.input.crop.imageSize',
      fix: expect.stringContaining('raise placement.ensemble.memory'),
    });
  });

  it('is rejected by prepare and by a first fold if only the ensemble has too little memory, with the field to raise', async () => {
    const input = { size: 128, crop: { size: 128, imageSize: 256 } };
    const training = { epochs: 1, batchSize: 2 };
    const made = tinyExperiment(join(folder, 'data'), { input, training, placement: { memory: '48Gi', ensemble: { memory: '430Mi' } } });
    const tta = ['identity', 'scaleUp', 'scaleDown'] as const;
    const experiment = { ...made, spec: { ...made.spec, inference: { ...made.spec.inference, tta: [...tta], ttaScale: 0.25 } } };
    const store = openStore(join(folder, 'ensemble-only'));
    const refusal = {
      code: 'memory-too-small',
      message: expect.stringMatching(/^the logits of one image need .* the limit is 0\.42 GB \(placement\.ensemble\.memory\)$/),
      where: expect.stringContaining('spec.placement.ensemble.memory'),
      fix: expect.stringContaining('raise placement.ensemble.memory'),
    };
    const stage = { experiment, store, clock: Date.now };
    await expect(runPrepare(stage)).rejects.toMatchObject(refusal);
    expect(await store.list('datasets')).toEqual([]);
    // On one machine, placement does not limit the ensemble.
    const ensembleLimit = { bytes: 2 ** 40, from: 'the machine' };
    await runPrepare({ ...stage, ensembleLimit });
    const fold = { ...stage, fold: 0, signal: new AbortController().signal, log: () => undefined };
    await expect(runFold(fold)).rejects.toMatchObject(refusal);
    expect(await store.list(`${foldKey(experiment, 0)}/checkpoint`)).toEqual([]);
    const stopping = { ...fold, ensembleLimit, signal: AbortSignal.abort() };
    await expect(runFold(stopping)).rejects.toMatchObject({ code: 'stopped-with-checkpoint' });
    // A fold that has begun goes on.
    await runFold(fold);
  });
});
