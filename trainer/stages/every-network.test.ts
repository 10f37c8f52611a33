import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readMetrics } from '@carpal/artifacts/metrics.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { loadClasses } from '@carpal/configs/classes.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import { experimentSchema, type ModelName, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { MODEL_NAMES } from '@carpal/configs/schema/learning.ts';
import { completeSpec } from '@carpal/configs/schema/options.ts';
import { submissionRows } from '@carpal/report/scoring/testing/submission-rows.ts';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { predict } from '../infer/predict.ts';
import { synthesizeDataset } from '../phantom/synthesize.ts';
import { SMALL_NETWORKS, SMALL_SIZE } from '../train/testing/small-networks.ts';
import { runFold } from './fold.ts';
import { runPrepare } from './prepare.ts';

const CLASSES = loadClasses('hand-bones');
/** An image that is not square, for prediction. */
const IMAGE = { width: 90, height: 61 };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-networks-'));
  await synthesizeDataset({ folder: join(folder, 'data'), people: 3, testPeople: 0, seed: 4, size: 128 });
  await sharp({ create: { ...IMAGE, channels: 3, background: '#556655' } })
    .png()
    .toFile(join(folder, 'image.png'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Three epochs of two steps on two people and one person for validation; otherwise the defaults of a manifest. */
function experimentOf(name: ModelName): SegmentationExperiment {
  const made = experimentSchema.parse({
    apiVersion: 'carpal.dev/v1alpha1',
    kind: 'SegmentationExperiment',
    metadata: { name: name.toLowerCase() },
    spec: {
      dataset: { uri: join(folder, 'data'), split: { folds: 3 } },
      model: { name, options: SMALL_NETWORKS[name] },
      input: { size: SMALL_SIZE },
      training: { epochs: 3, batchSize: 2 },
    },
  });
  return { ...made, spec: completeSpec(made.spec) };
}

/** The rows of a prediction of the image as [class, run-length text]. */
async function predicted(weights: string, threshold: number): Promise<[string, string][]> {
  const out = join(folder, 'out.csv');
  const viewing = { views: ['identity'], degrees: 10, scale: 0.25 } as const;
  const choice = [{ path: weights, weight: 1 }];
  await predict({ weights: choice, method: 'soft', images: join(folder, 'image.png'), out, thresholds: threshold, viewing });
  return (await submissionRows(out)).map(([, className, rle]) => [className, rle]);
}

describe.each(MODEL_NAMES)('%s', (name) => {
  it('trains three epochs on phantoms, learns, and predicts masks from its weights file', async () => {
    const experiment = experimentOf(name);
    const stage = { experiment, store: openStore(folder), clock: Date.now };
    await runPrepare(stage);
    await runFold({ ...stage, fold: 0, signal: new AbortController().signal, log: () => undefined });

    const metrics = await readMetrics(openStore(folder), `${foldKey(experiment, 0)}/${FILE.metrics}`);
    expect(metrics.map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 2],
      [2, 4],
      [3, 6],
    ]);
    expect(metrics.at(-1)?.loss).toBeLessThan(metrics[0]?.loss ?? 0);
    for (const { validationLoss } of metrics) expect(validationLoss).toBeGreaterThan(0);

    const weights = join(folder, foldKey(experiment, 0), FILE.bestCheckpoint);
    const masks = await predicted(weights, 0.5);
    expect(masks.map(([className]) => className)).toEqual(CLASSES);
    // A threshold of almost zero includes every pixel of the image, and no other. DUCKNet's running statistics are so far off after six
    // steps that some probabilities are 0.
    const all = await predicted(weights, 1e-300);
    const whole = CLASSES.map((className) => [className, `1 ${IMAGE.width * IMAGE.height}`]);
    expect(name === 'DUCKNet' ? all.map(([className]) => className) : all).toEqual(name === 'DUCKNet' ? CLASSES : whole);
    expect((await readFile(join(folder, foldKey(experiment, 0), FILE.outOfFoldPredictions), 'utf8')).trimEnd().split('\n')).toHaveLength(
      1 + 2 * CLASSES.length,
    );
  }, 240_000);
});
