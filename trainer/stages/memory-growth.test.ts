import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tf } from '../engine/tensorflow.ts';
import { tinyExperiment, writeTinyDataset } from '../train/testing/tiny-dataset.ts';
import { runFold } from './fold.ts';
import { runPrepare } from './prepare.ts';

const EPOCHS = 100;
/** Epochs until the pools and heaps of the threads have their final sizes. */
const WARM_UP = 40;
/** A leaked tensor of one batch at 32 px with 29 channels per step would add 27 MB over the 118 later steps. */
const TOLERATED_MB = 10;

// The amount of uncollected garbage, and V8's spare heap, depend on the load of the machine. So garbage is collected before each
// measurement.
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-memory-growth-'));
  await writeTinyDataset(join(folder, 'data'), 4);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('a fold of many epochs keeps no tensor from epoch to epoch, and does not grow in memory', async () => {
  const made = tinyExperiment(join(folder, 'data'), {
    training: { epochs: EPOCHS, batchSize: 2, earlyStopping: { patience: 0 }, ema: { decay: 0.9 } },
    augmentations: [{ name: 'rotate' }],
  });
  const experiment = { ...made, metadata: { ...made.metadata, uid: 'memory-growth' } };
  const stage = { experiment, store: openStore(folder), clock: Date.now };
  await runPrepare(stage);
  const tensors: number[] = [];
  const [heap, resident]: [number[], number[]] = [[], []];
  const log = (line: string): void => {
    if (!line.startsWith('epoch ')) return;
    tensors.push(tf.memory().numTensors);
    collectGarbage();
    const { rss, heapUsed } = process.memoryUsage();
    heap.push(heapUsed / 2 ** 20);
    resident.push(rss / 2 ** 20);
  };
  await runFold({ ...stage, fold: 0, signal: new AbortController().signal, log });
  expect(tensors).toHaveLength(EPOCHS);
  expect(new Set(tensors.slice(1)).size).toBe(1);
  for (const megabytes of [heap, resident]) expect((megabytes.at(-1) ?? 0) - (megabytes[WARM_UP] ?? 0)).toBeLessThan(TOLERATED_MB);
}, 120_000);
