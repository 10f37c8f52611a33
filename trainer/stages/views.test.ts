/** Views and windows in all stages: out-of-fold masks, the ensemble and `predict` with the same weights agree. */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { ensembleKey, FILE, foldKey } from '@carpal/configs/names.ts';
import type { InferenceSpec, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { TTA_NAMES } from '@carpal/configs/schema/learning.ts';
import { submissionRows } from '@carpal/report/scoring/testing/submission-rows.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { predict } from '../infer/predict.ts';
import { viewingOf } from '../infer/views.ts';
import { tinyExperiment, writeTinyDataset } from '../train/testing/tiny-dataset.ts';
import { runEnsemble } from './ensemble.ts';
import { runFold } from './fold.ts';
import { runPrepare } from './prepare.ts';

/** Low, so that networks with hardly any training find something. */
const THRESHOLD = 0.2;
let folder = '';
let data = '';
const clock = (): number => 1_800_000_000_000;
const never = new AbortController().signal;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-viewing-'));
  data = join(folder, 'data');
  await writeTinyDataset(data, 6);
  await cp(join(data, 'train', 'DCM', 'ID003', 'image3_L.png'), join(data, 'test', 'DCM', 'ID009', 'image9.png'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The masks of a submission by image and class. */
async function masksOf(path: string): Promise<Map<string, string>> {
  return new Map((await submissionRows(path)).map(([imageName, className, rle]) => [`${imageName} ${className}`, rle]));
}

type Inference = Partial<Pick<InferenceSpec, 'tta' | 'window'>>;

function experimentWith(inference: Inference, folds: number[]): SegmentationExperiment {
  const training = { epochs: 10, batchSize: 2 };
  return tinyExperiment(data, {
    input: { size: 48 },
    training,
    inference: { ...inference, threshold: THRESHOLD },
    run: { folds },
    ensemble: { perClassThresholds: false, perClassCleaning: false },
  });
}

describe('views and windows', () => {
  it.each<[string, Inference]>([
    ['every view of the whole image', { tta: [...TTA_NAMES] }],
    ['a window', { tta: ['identity'], window: { size: 32, stride: 16, weights: 'gaussian' } }],
    ['windows in some views', { tta: ['identity', 'rotateLeft', 'scaleUp'], window: { size: 32, stride: 20, weights: 'uniform' } }],
  ])('of %s are the same in all stages and in predict', async (name, inference) => {
    const place = join(folder, name);
    const store = openStore(place);
    const experiment = experimentWith(inference, [0]);
    await runPrepare({ experiment, store, clock });
    await runFold({ experiment, fold: 0, store, clock, signal: never, log: () => undefined });
    const key = join(place, foldKey(experiment, 0));
    const outOfFold = await masksOf(join(key, FILE.outOfFoldPredictions));
    expect([...outOfFold.values()].some((mask) => mask !== '')).toBe(true);

    const viewing = viewingOf(experiment.spec);
    const predicted = async (images: string): Promise<Map<string, string>> => {
      const out = join(folder, 'predicted.csv');
      const weights = [{ path: join(key, FILE.bestCheckpoint), weight: 1 }];
      await predict({ weights, method: 'soft', images, out, thresholds: THRESHOLD, viewing });
      return masksOf(out);
    };
    const train = await predicted(join(data, 'train', 'DCM'));
    for (const [row, mask] of outOfFold) expect(train.get(row), row).toBe(mask);

    await runEnsemble({ experiment, store, clock });
    const submission = await masksOf(join(place, ensembleKey(experiment), FILE.submission));
    expect(submission.size).toBe(29);
    expect(submission).toEqual(await predicted(data));
  });
});
