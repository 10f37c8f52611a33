/** progress.json is a heartbeat: its time is refreshed while a stage advances, and only then. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { FILE } from '@carpal/configs/names.ts';
import { type StageProgress, stageProgressSchema } from '@carpal/configs/schema/progress.ts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { tinyExperiment, writeTinyDataset } from '../train/testing/tiny-dataset.ts';
import { runEnsemble } from './ensemble.ts';
import { type FoldStage, runFold } from './fold.ts';
import { runPrepare } from './prepare.ts';

const MINUTE_MS = 60_000;
let folder = '';
let data = '';
let stores = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-heartbeat-'));
  data = join(folder, 'data');
  await writeTinyDataset(data, 4);
  await cp(join(data, 'train', 'DCM', 'ID003', 'image3_L.png'), join(data, 'test', 'DCM', 'ID009', 'image9.png'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A clock whose every reading is a minute later, so that each heartbeat is written. */
function minuteClock(): () => number {
  let nowMs = 1_800_000_000_000;
  return () => {
    nowMs += MINUTE_MS;
    return nowMs;
  };
}

/** A store that records the reports of a stage without any delay. */
function recording(store: ArtifactStore, more: Partial<ArtifactStore> = {}): { store: ArtifactStore; reports: StageProgress[] } {
  const reports: StageProgress[] = [];
  const write: ArtifactStore['write'] = async (key, content) => {
    if (key.endsWith(FILE.progress)) reports.push(stageProgressSchema.parse(JSON.parse(content.toString())));
    else await (more.write ?? store.write)(key, content);
  };
  return { store: { ...store, ...more, write }, reports };
}

const freshStore = (): ArtifactStore => openStore(join(folder, `store-${++stores}`));
const window = { size: 32, stride: 8, weights: 'uniform' } as const;
const experiment = (spec: Parameters<typeof tinyExperiment>[1] = {}) =>
  tinyExperiment(data, { input: { size: 48 }, training: { epochs: 1, batchSize: 2 }, inference: { tta: ['identity'], window }, ...spec });
const foldStage = (store: ArtifactStore, more: Partial<FoldStage> = {}): FoldStage => ({
  experiment: experiment(),
  fold: 0,
  store,
  clock: minuteClock(),
  signal: new AbortController().signal,
  log: () => undefined,
  ...more,
});

/** The number of reports with each count of finished images. */
function perImage(reports: readonly StageProgress[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { done } of reports) counts[String(done)] = (counts[String(done)] ?? 0) + 1;
  return counts;
}

describe('the heartbeat', () => {
  it('of prepare is refreshed while the files of the data set are read, before the first image is decoded', async () => {
    const { store, reports } = recording(freshStore());
    await runPrepare({ experiment: experiment(), store, clock: minuteClock() });
    const beforeImages = reports.findIndex(({ done }) => done === 0);
    expect(beforeImages).toBeGreaterThan(4);
  });

  it('of a fold is refreshed after each run of its network on a window, not only after each image', async () => {
    const inner = freshStore();
    await runPrepare({ experiment: experiment(), store: inner, clock: Date.now });
    const { store, reports } = recording(inner);
    await runFold(foldStage(store));
    const outOfFold = perImage(reports.filter(({ epoch, state }) => epoch === 1 && state === 'running'));
    // Four images, whose nine windows run three at a time. The network runs on while finished images are scored on other threads.
    expect(Object.values(outOfFold).reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(4 * 3);
    expect(outOfFold['0']).toBeGreaterThanOrEqual(3);
  });

  it('of a fold is refreshed by each part of a large upload', async () => {
    const inner = freshStore();
    await runPrepare({ experiment: experiment(), store: inner, clock: Date.now });
    const listeners = new Set<() => void>();
    const { store, reports } = recording(inner, {
      onTransfer: (listener) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      write: async (key, content) => {
        const before = reports.length;
        for (let part = 0; part < 5; part++) {
          for (const listener of listeners) listener();
          await new Promise(setImmediate);
        }
        if (key.includes('checkpoint/')) expect(reports.length - before).toBe(5);
        await inner.write(key, content);
      },
    });
    await runFold(foldStage(store));
    expect(reports.at(-1)).toMatchObject({ state: 'finished' });
    expect(listeners.size).toBe(0);
  });

  it('of the ensemble is refreshed while it looks for its extreme images, after the last one was counted', async () => {
    const inner = freshStore();
    await runPrepare({ experiment: experiment(), store: inner, clock: Date.now });
    for (const fold of [0, 1]) await runFold(foldStage(inner, { fold, clock: Date.now }));
    const { store, reports } = recording(inner);
    await runEnsemble({ experiment: experiment(), store, clock: minuteClock() });
    const counts = perImage(reports.filter(({ state }) => state === 'running'));
    // The only test image is predicted by two networks.
    expect(counts['undefined']).toBeGreaterThanOrEqual(3);
    // Eight images are read once more.
    expect(counts['9']).toBeGreaterThanOrEqual(9);
  });

  it('stops when the stage hangs, however much time passes', async () => {
    const inner = freshStore();
    await runPrepare({ experiment: experiment(), store: inner, clock: Date.now });
    const hung = Promise.withResolvers<void>();
    let isHanging = false;
    const { store, reports } = recording(inner, {
      write: async (key, content) => {
        if (key.includes('checkpoint/last')) {
          isHanging = true;
          await hung.promise;
        }
        await inner.write(key, content);
      },
    });
    const clock = minuteClock();
    const running = runFold(foldStage(store, { clock }));
    await vi.waitFor(() => expect(isHanging).toBe(true), { timeout: 30_000 });
    const before = reports.length;
    for (let turns = 0; turns < 500; turns++) {
      clock();
      await new Promise(setImmediate);
    }
    expect(reports.length).toBe(before);
    hung.reject(new Error('the store came back with an error'));
    await expect(running).rejects.toThrow('came back');
  });
});
