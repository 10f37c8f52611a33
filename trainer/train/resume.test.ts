/** A fold that is stopped again and again ends with the same bits as an uninterrupted one, for everything that has state. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readMetrics } from '@carpal/artifacts/metrics.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import type { ExperimentManifest } from '@carpal/configs/schema/experiment.ts';
import { OPTIMIZER_NAMES, SCHEDULER_NAMES } from '@carpal/configs/schema/learning.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '../engine/safetensors.ts';
import { runFold } from '../stages/fold.ts';
import { runPrepare } from '../stages/prepare.ts';
import { tinyExperiment, writeTinyDataset } from './testing/tiny-dataset.ts';

type Spec = Partial<ExperimentManifest['spec']>;
type Row = { readonly name: string; readonly spec: Spec };

const ROWS: readonly Row[] = [
  {
    name: 'AdamW, accumulated and clipped gradients, EMA weights, a plateau schedule after a warm-up',
    spec: {
      optimizer: { name: 'AdamW', learningRate: 0.02 },
      scheduler: { name: 'ReduceLROnPlateau', options: { warmupEpochs: 1, factor: 0.5, patience: 0, threshold: 0.5, cooldown: 1 } },
      training: { accumulate: 2, gradientClip: 0.5, ema: { decay: 0.9 } },
    },
  },
  {
    name: 'Adam, milestones after a warm-up, augmentations',
    spec: {
      optimizer: { name: 'Adam', learningRate: 0.02 },
      scheduler: { name: 'MultiStepLR', options: { warmupEpochs: 1, milestones: [1, 2] } },
      augmentations: [{ name: 'rotate' }, { name: 'gaussianNoise' }],
    },
  },
  {
    name: 'SGD with Nesterov momentum, warm restarts, a validation every second epoch',
    spec: {
      optimizer: { name: 'SGD', learningRate: 0.05 },
      scheduler: { name: 'CosineAnnealingWarmRestarts', options: { cycleEpochs: 1, cycleMultiplier: 2 } },
      training: { validateEvery: 2 },
    },
  },
  {
    name: 'RMSprop with momentum, warm restarts with growing cycles',
    spec: {
      optimizer: { name: 'RMSprop', learningRate: 0.005, options: { momentum: 0.5 } },
      scheduler: { name: 'CustomCosineAnnealingWarmUpRestarts', options: { cycleEpochs: 2, cycleWarmupEpochs: 1, gamma: 0.5 } },
    },
  },
  {
    name: 'Lion, a polynomial schedule, EMA weights',
    spec: {
      optimizer: { name: 'Lion', learningRate: 0.002 },
      scheduler: { name: 'PolynomialLR' },
      training: { ema: { decay: 0.5 } },
    },
  },
  {
    name: 'a network with dropout, a cosine schedule',
    spec: {
      model: { name: 'CustomUNet', options: { width: 2 } },
      optimizer: { name: 'AdamW', learningRate: 0.01 },
      scheduler: { name: 'CosineAnnealingLR' },
      training: { accumulate: 2 },
    },
  },
  {
    name: 'deep supervision with head weights',
    spec: {
      model: { name: 'NestedUNet', options: { width: 2 } },
      optimizer: { name: 'SGD', learningRate: 0.05 },
      scheduler: { name: 'ReduceLROnPlateau', options: { patience: 0, threshold: 0.9 } },
      training: { deepSupervision: true, headWeights: [4, 3, 2, 1] },
    },
  },
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-resume-'));
  await writeTinyDataset(join(folder, 'data'), 4);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The results of a fold with two steps per epoch that is stopped after `reads` reads of the clock, again and again. */
async function trained(uid: string, spec: Spec, reads: number) {
  const training = { epochs: 4, batchSize: 2, ...spec.training };
  const made = tinyExperiment(join(folder, 'data'), { ...spec, training });
  const experiment = { ...made, metadata: { ...made.metadata, uid } };
  const store = openStore(folder);
  await runPrepare({ experiment, store, clock: Date.now });
  const stops = new Set<string>();
  let after = reads;
  for (let ended = false; !ended; ) {
    const stop = new AbortController();
    let left = after;
    const clock = (): number => {
      if (--left === 0) stop.abort();
      return Date.now();
    };
    ended = await runFold({ experiment, fold: 0, store, clock, signal: stop.signal, log: () => undefined }).then(
      () => true,
      (error: unknown) => {
        expect(error).toMatchObject({ code: 'stopped-with-checkpoint' });
        // A stopped validation starts over, so with the same number of reads it would never finish.
        after = stops.has(String(error)) ? 2 * after : reads;
        stops.add(String(error));
        return false;
      },
    );
  }
  const read = (file: string): Promise<Buffer> => readFile(join(folder, foldKey(experiment, 0), file));
  const [last, best, masks] = await Promise.all([FILE.lastCheckpoint, FILE.bestCheckpoint, FILE.outOfFoldPredictions].map(read));
  const curve = (await readMetrics(store, `${foldKey(experiment, 0)}/${FILE.metrics}`)).map(
    ({ epoch, step, learningRate, loss, validationLoss, dice }) => [epoch, step, learningRate, loss, validationLoss, dice],
  );
  return { stops, last: last ?? Buffer.alloc(0), best, masks, curve };
}

it('the cases cover every optimizer and every schedule', () => {
  expect(new Set(ROWS.map(({ spec }) => spec.optimizer?.name))).toEqual(new Set(OPTIMIZER_NAMES));
  expect(new Set(ROWS.map(({ spec }) => spec.scheduler?.name))).toEqual(new Set(SCHEDULER_NAMES));
});

describe.each(ROWS)('a fold with $name', ({ name, spec }) => {
  it('ends with the same bits however often it is stopped', async () => {
    const uid = `row-${ROWS.findIndex((row) => row.name === name)}`;
    const whole = await trained(`${uid}-whole`, spec, Number.POSITIVE_INFINITY);
    // Ten reads of the clock are the start, one step and the start of another. So stops happen within epochs, at their ends and after the
    // last one.
    const stopped = await trained(`${uid}-stopped`, spec, 10);
    expect(whole.stops.size).toBe(0);
    expect([...stopped.stops].filter((where) => where.includes('after step 1')).length).toBeGreaterThan(1);
    expect(stopped.curve).toEqual(whole.curve);
    expect(differing(stopped.last, whole.last)).toEqual([]);
    expect(stopped.last.equals(whole.last)).toBe(true);
    expect(stopped.best?.equals(whole.best ?? Buffer.alloc(0))).toBe(true);
    expect(stopped.masks?.equals(whole.masks ?? Buffer.alloc(0))).toBe(true);
    // A state that never changes would prove nothing.
    expect(new Set(whole.curve.map(([, , rate]) => rate)).size).toBeGreaterThan(1);
    expect(new Set(whole.curve.map(([, , , loss]) => loss)).size).toBe(whole.curve.length);
  });
});

/** Names of the arrays that differ between two weights files. */
function differing(one: Buffer, other: Buffer): string[] {
  const [ours, theirs] = [one, other].map((bytes) => decodeSafetensors(bytes).arrays);
  return [...(ours ?? [])]
    .filter(([name, { data }]) => !data.every((value, at) => value === theirs?.get(name)?.data[at]))
    .map(([name]) => name);
}
