import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { foldKey } from '@carpal/configs/names.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runEnsemble } from '../stages/ensemble.ts';
import { runFold } from '../stages/fold.ts';
import { runPrepare } from '../stages/prepare.ts';
import { tinyExperiment, writeTinyDataset } from '../train/testing/tiny-dataset.ts';
import { viewsMemoryMb } from './check-memory.ts';

const MB = 2 ** 20;
const WHOLE = { degrees: 10, scale: 0.25 };
const WINDOW = { size: 512, stride: 256, weights: 'gaussian', sheetSize: 2048 } as const;

describe('the logits held for one image', () => {
  it.each([
    ['one map per mirrored view of each network', { ...WHOLE, views: ['identity', 'flipHorizontal'] as const }, 5, 10 * 29],
    ['one map for a network with windows', { ...WHOLE, views: ['identity'] as const, window: WINDOW }, 1, 16 * 29],
    ['the sum and one view for views that are averaged', { ...WHOLE, views: ['identity', 'rotateLeft'] as const }, 1, 2 * 29],
    [
      'the largest view in addition to the sums',
      { ...WHOLE, views: ['identity', 'scaleUp'] as const, window: WINDOW },
      3,
      16 * 29 * (3 + 1.25 ** 2),
    ],
  ])('are %s', (_, viewing, networks, expectedMb) => {
    expect(viewsMemoryMb(viewing, 512, 29, networks)).toBeCloseTo(expectedMb, 6);
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
    const window = { size: 32, stride: 32, weights: 'uniform', sheetSize: 128 } as const;
    const experiment = tinyExperiment(join(folder, 'data'), { inference: { tta: [...tta], window } });
    const store = openStore(folder);
    await runPrepare({ experiment, store, clock: Date.now });
    const stage = { experiment, store, clock: Date.now, memoryLimit: { bytes: 421 * MB, from: 'the control group' } };
    const refusal = { code: 'memory-too-small', exit: 78, where: 'spec.inference.window.sheetSize, spec.inference.tta' };
    const fold = runFold({ ...stage, fold: 0, signal: new AbortController().signal, log: () => undefined });
    await expect(fold).rejects.toMatchObject({
      ...refusal,
      message: expect.stringMatching(/^the logits of one network for one image need 0\.41 GB/),
    });
    expect(await store.list(`${foldKey(experiment, 0)}/checkpoint`)).toEqual([]);
    await expect(runEnsemble(stage)).rejects.toMatchObject({ ...refusal, fix: expect.stringContaining('ensemble.method: hard') });
  });
});
