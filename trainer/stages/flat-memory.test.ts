import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tf } from '../engine/tensorflow.ts';
import { quantile } from '../insight/quantile.ts';
import { tinyExperiment, writeTinyDataset } from '../train/testing/tiny-dataset.ts';
import { runFold } from './fold.ts';
import { runPrepare } from './prepare.ts';

const EPOCHS = 200;
/** The first epochs after those in which the threads' pools and heaps get most of their sizes, and each thirtieth after them. */
const WINDOW_STARTS = [40, 70, 100, 130, 160, 190];
const WINDOW = 10;
/** A tensor of a batch at 32 px and 29 channels that stayed behind in each of the 60 steps from window to window would come to 14 MB. */
const TOLERATED_MB = 7;

/**
 * By how much a series, in MB, grows from one window to the next: the median. What leaks grows in every one; a heap that gets more room
 * when its owner sees fit (and lets RSS seem to fall where the room is not touched yet) changes one or two. A window counts with its least:
 * what garbage waits for its collector is no growth.
 */
function growth(megabytes: readonly number[]): number {
  const least = WINDOW_STARTS.map((start) => Math.min(...megabytes.slice(start, start + WINDOW)));
  const grown = least.slice(1).map((later, index) => later - (least[index] ?? 0));
  return quantile(
    grown.toSorted((a, b) => a - b),
    0.5,
  );
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-flat-'));
  await writeTinyDataset(join(folder, 'data'), 4);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.each(['graph', 'eager'] as const)(
  'a fold of many epochs, %s, holds no tensor more from epoch to epoch, and its memory does not go on growing',
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
    expect(growth(heap)).toBeLessThan(TOLERATED_MB);
    expect(growth(beside)).toBeLessThan(TOLERATED_MB);
  },
);
