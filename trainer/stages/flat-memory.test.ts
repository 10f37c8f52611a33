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
/** Epochs until the threads' pools and heaps have their sizes. */
const WARM_UP = 40;
/** A tensor of a batch at 32 px and 29 channels that stayed behind in each of the 118 steps after them would come to 27 MB. */
const TOLERATED_MB = 10;

// What garbage waits for its collector, and what room V8 takes for it, depends on how busy the machine is: it is collected before each look.
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-flat-'));
  await writeTinyDataset(join(folder, 'data'), 4);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('a fold of many epochs holds no tensor more from epoch to epoch, and no memory more after them than early on', async () => {
  const made = tinyExperiment(join(folder, 'data'), {
    training: { epochs: EPOCHS, batchSize: 2, earlyStopping: { patience: 0 }, ema: { decay: 0.9 } },
    augmentations: [{ name: 'rotate' }],
  });
  const experiment = { ...made, metadata: { ...made.metadata, uid: 'flat' } };
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
