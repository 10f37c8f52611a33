/** Training on crops, from the data set to the out-of-fold masks. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readMetrics } from '@carpal/artifacts/metrics.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { completeSpec } from '@carpal/configs/schema/options.ts';
import { expect, it, onTestFinished } from 'vitest';
import { runFold } from '../stages/fold.ts';
import { outOfFoldImages } from '../stages/out-of-fold.ts';
import { runPrepare } from '../stages/prepare.ts';
import { tinyExperiment, writeTinyDataset } from './testing/tiny-dataset.ts';

/** Classes that the tiny data set annotates. The others are empty in every mask, so their Dice is 1. */
const BONES = 3;
const CLASSES = 29;

function cropExperiment(dataset: string): SegmentationExperiment {
  const made = tinyExperiment(dataset, {
    input: { crop: { size: 32, imageSize: 64 } },
    model: { name: 'SlimUNet', options: { width: 8, depth: 3 } },
    augmentations: [{ name: 'shiftScaleRotate' }],
    loss: [{ name: 'Dice', reduction: 'global' }, { name: 'BCE' }],
    scheduler: { name: 'PolynomialLR' },
    optimizer: { learningRate: 0.05 },
    training: { epochs: 60, batchSize: 2, validateEvery: 30, earlyStopping: { patience: 0 } },
    inference: { tta: ['identity'] },
    run: { folds: [0] },
  });
  return { ...made, spec: completeSpec(made.spec), metadata: { ...made.metadata, uid: 'crops' } };
}

it('a fold learns from crops to segment whole images, and its masks have the Dice of its best validation', {
  timeout: 300_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'carpal-crop-training-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeTinyDataset(join(folder, 'data'), 6);
  const experiment = cropExperiment(join(folder, 'data'));
  const store = openStore(folder);
  const prepared = await runPrepare({ experiment, store, clock: Date.now });
  expect(prepared.size).toBe(64);
  await runFold({ experiment, fold: 0, store, clock: Date.now, signal: new AbortController().signal, log: () => undefined });

  const curve = await readMetrics(store, `${foldKey(experiment, 0)}/${FILE.metrics}`);
  const best = Math.max(...curve.map(({ dice }) => dice ?? 0));
  expect((best * CLASSES - (CLASSES - BONES)) / BONES).toBeGreaterThan(0.85);
  // Losses of crops and of windows are comparable.
  const { loss, validationLoss } = curve.at(-1) ?? {};
  expect(Math.abs((validationLoss ?? 9) - (loss ?? 0))).toBeLessThan(0.5);

  const dices: number[] = [];
  for await (const { dice } of outOfFoldImages(experiment, store, prepared)) dices.push(...dice);
  expect(dices).toHaveLength(6 * CLASSES);
  // The windows of validation and of inference run in batches of different sizes, which rounds differently.
  expect(dices.reduce((sum, value) => sum + value, 0) / dices.length).toBeCloseTo(best, 3);
});
