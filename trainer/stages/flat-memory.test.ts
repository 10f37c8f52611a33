import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tf } from '../engine/tensorflow.ts';
import { tinyExperiment, writeTinyDataset } from '../train/testing/tiny-dataset.ts';
import { runFold } from './fold.ts';
import { runPrepare } from './prepare.ts';

const EPOCHS = 150;
/** Epochs until the threads' pools and heaps have their sizes. */
const WARM_UP = 60;
const WINDOW = 10;
/** A tensor of a batch at 32 px and 29 channels that stayed behind in each of the 160 steps between would come to 38 MB. */
const TOLERATED_MB = 20;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-flat-'));
  await writeTinyDataset(join(folder, 'data'), 4);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.each(['graph', 'eager'] as const)(
  'a fold of many epochs, %s, holds no tensor more and no memory more after them than early on',
  async (engine) => {
    const made = tinyExperiment(join(folder, 'data'), {
      training: { epochs: EPOCHS, batchSize: 2, engine, earlyStopping: { patience: 0 }, ema: { decay: 0.9 } },
      augmentations: [{ name: 'rotate' }],
    });
    const experiment = { ...made, metadata: { ...made.metadata, uid: engine } };
    const stage = { experiment, store: openStore(folder), clock: Date.now };
    await runPrepare(stage);
    const tensors: number[] = [];
    const [heap, beside]: [number[], number[]] = [[], []];
    const log = (line: string): void => {
      if (!line.startsWith('epoch ')) return;
      tensors.push(tf.memory().numTensors);
      // V8 gives its heap more room at times of its own; what it uses of it is looked at by itself.
      const { rss, heapTotal, heapUsed } = process.memoryUsage();
      heap.push(heapUsed / 2 ** 20);
      beside.push((rss - heapTotal) / 2 ** 20);
    };
    await runFold({ ...stage, fold: 0, signal: new AbortController().signal, log });
    expect(tensors).toHaveLength(EPOCHS);
    expect(new Set(tensors.slice(1)).size).toBe(1);
    for (const megabytes of [heap, beside]) {
      // The least of a window: what garbage waits for its collector is no growth.
      const [early, late] = [megabytes.slice(WARM_UP, WARM_UP + WINDOW), megabytes.slice(-WINDOW)].map((window) => Math.min(...window));
      expect((late ?? 0) - (early ?? 0)).toBeLessThan(TOLERATED_MB);
    }
  },
);
