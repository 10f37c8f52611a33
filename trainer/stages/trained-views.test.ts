/** Views and votes of networks that are trained, and what the warnings about untrained views are for. ADR 14 has the gains. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import type { ExperimentManifest, TtaName } from '@carpal/configs/schema/experiment.ts';
import { experimentSchema } from '@carpal/configs/schema/experiment.ts';
import { completeSpec } from '@carpal/configs/schema/options.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import type { PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { meanOf, scoreMasks } from '@carpal/report/scoring/scoring.ts';
import { findTruth, readTruth } from '@carpal/report/scoring/truth-folder.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { preparedSquares } from '../infer/image-squares.ts';
import { type Network, openFoldNetworks } from '../infer/networks.ts';
import { detailSizeOf } from '../infer/views.ts';
import { softVote } from '../infer/vote.ts';
import { synthesizeDataset } from '../phantom/synthesize.ts';
import { runFold } from './fold.ts';
import { runPrepare } from './prepare.ts';

let folder = '';
let prepared: PreparedSet;
let networks: Network[] = [];
let truth: Map<string, readonly RleMask[]>;

const spec: Omit<ExperimentManifest['spec'], 'dataset'> = {
  model: { name: 'SlimUNet', options: { width: 12, depth: 4 } },
  input: { size: 64 },
  optimizer: { learningRate: 4e-3 },
  scheduler: { name: 'CosineAnnealingLR', options: { minLearningRate: 1e-4 } },
  training: { epochs: 90, validateEvery: 45, earlyStopping: { patience: 0 }, gradientClip: 1 },
  // The data set is prepared for every view.
  inference: { tta: ['rotateLeft'], ttaScale: 0.25 },
  run: { folds: [0, 1] },
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-trained-views-'));
  const data = join(folder, 'data');
  await synthesizeDataset({ folder: data, people: 8, testPeople: 4, seed: 5, size: 256 });
  const manifest = { apiVersion: 'carpal.dev/v1alpha1', kind: 'SegmentationExperiment', metadata: { name: 'trained' } };
  const parsed = experimentSchema.parse({ ...manifest, spec: { ...spec, dataset: { uri: data, split: { folds: 4 } } } });
  const experiment = { ...parsed, spec: completeSpec(parsed.spec) };
  const store = openStore(join(folder, 'store'));
  const stage = { experiment, store, clock: () => 1_800_000_000_000 };
  prepared = await runPrepare(stage);
  for (const fold of [0, 1]) await runFold({ ...stage, fold, signal: new AbortController().signal, log: () => undefined });
  networks = await openFoldNetworks(experiment, store);
  truth = new Map();
  for (const entry of (await findTruth(data)).entries) {
    const sample = prepared.samples.find(({ imageName }) => imageName.startsWith(`${entry.stem}.`));
    if (sample) truth.set(sample.imageName, await readTruth(entry, prepared.classes, sample));
  }
}, 400_000);
afterAll(async () => {
  for (const network of networks) network.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** Mean Dice over the test images, at their own size. */
async function diceOf(voters: readonly Network[], views: readonly TtaName[]): Promise<number> {
  const viewing = { views, degrees: 10, scale: 0.25 };
  const dices: number[] = [];
  for (const sample of prepared.samples) {
    const masks = truth.get(sample.imageName);
    if (!masks) continue;
    const image = await preparedSquares(prepared, sample, detailSizeOf(viewing, prepared.size));
    const thresholds = prepared.classes.map(() => 0.5);
    dices.push(meanOf(scoreMasks(await softVote({ networks: voters, viewing, thresholds }, image), masks)));
  }
  return meanOf(dices);
}

it('trained views and a vote change the result of trained networks little, and views that were not trained harm it', async () => {
  const eachDice = async (views: readonly TtaName[]): Promise<number> =>
    meanOf([await diceOf(networks.slice(0, 1), views), await diceOf(networks.slice(1), views)]);
  const single = await eachDice(['identity']);
  const figures = {
    vote: await diceOf(networks, ['identity']),
    flipped: await eachDice(['identity', 'flipHorizontal']),
    turned: await eachDice(['identity', 'rotateLeft', 'rotateRight']),
    upsideDown: await eachDice(['identity', 'flipVertical']),
    scaled: await eachDice(['identity', 'scaleDown', 'scaleUp']),
  };
  const text = JSON.stringify({ single, ...figures });
  expect(single, text).toBeGreaterThan(0.3);
  for (const trained of [figures.vote, figures.flipped, figures.turned]) expect(trained, text).toBeGreaterThan(single - 0.04);
  expect(figures.upsideDown, text).toBeLessThan(single - 0.1);
  expect(figures.scaled, text).toBeLessThan(single - 0.04);
}, 300_000);
