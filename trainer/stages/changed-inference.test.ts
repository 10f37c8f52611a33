/** Inference and ensemble may change after the folds have finished: only the ensemble stage runs again. */
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { ensembleKey, FILE, foldKey, reportKey } from '@carpal/configs/names.ts';
import type { ExperimentManifest, SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyExperiment, writeTinyDataset } from '../train/testing/tiny-dataset.ts';
import { runEnsemble } from './ensemble.ts';
import { type FoldStage, runFold } from './fold.ts';
import { runPrepare } from './prepare.ts';

type Spec = Partial<ExperimentManifest['spec']>;

let folder = '';
let data = '';
let stores = 0;
const clock = (): number => 1_800_000_000_000;
const BEFORE: Spec = { input: { size: 48 }, training: { epochs: 3, batchSize: 2 }, inference: { tta: ['identity'] } };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-changed-inference-'));
  data = join(folder, 'data');
  await writeTinyDataset(data, 4);
  for (const side of ['L', 'R'])
    await cp(join(data, 'train', 'DCM', 'ID003', `image3_${side}.png`), join(data, 'test', 'DCM', 'ID009', `image9_${side}.png`));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const freshStore = (): ArtifactStore => openStore(join(folder, `store-${++stores}`));
const experimentWith = (spec: Spec): SegmentationExperiment => tinyExperiment(data, { ...BEFORE, ...spec });
const foldStage = (experiment: SegmentationExperiment, store: ArtifactStore, more: Partial<FoldStage> = {}): FoldStage => ({
  experiment,
  fold: 0,
  store,
  clock,
  signal: new AbortController().signal,
  log: () => undefined,
  ...more,
});

async function train(experiment: SegmentationExperiment, store: ArtifactStore): Promise<void> {
  await runPrepare({ experiment, store, clock });
  for (const fold of experiment.spec.run.folds) await runFold(foldStage(experiment, store, { fold }));
}

/** Everything that must not depend on when inference was set: all files but those with times. */
async function resultOf(experiment: SegmentationExperiment, store: ArtifactStore): Promise<Record<string, string>> {
  const keys = [
    ...experiment.spec.run.folds.flatMap((fold) =>
      [FILE.bestCheckpoint, FILE.outOfFoldPredictions, FILE.outOfFoldThresholds, FILE.outOfFoldCalibration, FILE.outOfFoldInference].map(
        (name) => `${foldKey(experiment, fold)}/${name}`,
      ),
    ),
    ...[FILE.submission, FILE.thresholds, FILE.perClass, FILE.outOfFoldDice, 'scores.json'].map(
      (name) => `${ensembleKey(experiment)}/${name}`,
    ),
  ];
  const overlays = (await store.list(`${reportKey(experiment)}/${FILE.overlays}`)).map(({ key }) => key);
  keys.push(...overlays);
  return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, (await store.read(key)).toString('base64')] as const)));
}

const window = { size: 32, stride: 16, weights: 'gaussian' } as const;
const CHANGES: readonly [string, Spec][] = [
  ['other mirrors and another threshold', { inference: { tta: ['identity', 'flipVertical'], threshold: 0.3 } }],
  ['views for which the data set was not prepared', { inference: { tta: ['identity', 'rotateLeft', 'scaleUp'] } }],
  ['windows', { inference: { tta: ['identity'], window } }],
  ['a hard vote without thresholds of its own', { ensemble: { method: 'hard', perClassThresholds: false, perClassCleaning: false } }],
];

describe('the ensemble of old folds with a new inference', () => {
  it.each(CHANGES)('equals that of an experiment that had it from the start: %s', async (_, change) => {
    const [old, fresh] = [freshStore(), freshStore()];
    await train(experimentWith({}), old);
    await runEnsemble({ experiment: experimentWith({}), store: old, clock });
    const before = await resultOf(experimentWith({}), old);
    const experiment = experimentWith(change);
    await train(experiment, fresh);
    await runEnsemble({ experiment, store: fresh, clock });
    await runEnsemble({ experiment, store: old, clock });
    const after = await resultOf(experiment, old);
    expect(after).toEqual(await resultOf(experiment, fresh));
    expect(after).not.toEqual(before);
    // And back again.
    await runEnsemble({ experiment: experimentWith({}), store: old, clock });
    expect(await resultOf(experimentWith({}), old)).toEqual(before);
  });

  it('leaves no overlay of the former one', async () => {
    const store = freshStore();
    await train(experimentWith({}), store);
    const former = `${reportKey(experimentWith({}))}/${FILE.overlays}/former.png`;
    await store.write(former, 'x');
    await runEnsemble({ experiment: experimentWith({}), store, clock });
    expect(await store.readIfPresent(former)).toBeUndefined();
  });

  it('predicts the images of the folds again only if inference has changed, or if version 0.1 predicted them', async () => {
    const store = freshStore();
    const experiment = experimentWith({});
    await train(experiment, store);
    const totalOf = async (of: SegmentationExperiment): Promise<number> => {
      const seen: [number, number][] = [];
      await runEnsemble({ experiment: of, store, clock, onProgress: (...progress) => seen.push(progress) });
      expect(seen.map(([done]) => done)).toEqual(seen.map((_, index) => index + 1));
      expect(seen.at(-1)?.[0]).toBe(seen.at(-1)?.[1]);
      return seen.length;
    };
    expect(await totalOf(experiment)).toBe(10);
    expect(await totalOf(experimentWith({ ensemble: { method: 'hard' } }))).toBe(10);
    const changed = experimentWith({ inference: { tta: ['identity'], threshold: 0.4 } });
    expect(await totalOf(changed)).toBe(18);
    expect(await totalOf(changed)).toBe(10);
    await store.remove(`${foldKey(experiment, 1)}/${FILE.outOfFoldInference}`);
    expect(await totalOf(changed)).toBe(14);
  });

  it('that is stopped while it predicts the images of the folds starts over, and ends with the same results', async () => {
    const [store, straight] = [freshStore(), freshStore()];
    const changed = experimentWith({ inference: { tta: ['identity', 'flipHorizontal'] } });
    await train(experimentWith({}), store);
    await train(changed, straight);
    await runEnsemble({ experiment: changed, store: straight, clock });
    for (const after of [1, 6]) {
      const stop = new AbortController();
      const onProgress = (done: number): void => {
        if (done === after) stop.abort();
      };
      const work = runEnsemble({ experiment: changed, store, clock, signal: stop.signal, onProgress });
      await expect(work).rejects.toMatchObject({ code: 'stopped-with-checkpoint' });
    }
    await runEnsemble({ experiment: changed, store, clock });
    expect(await resultOf(changed, store)).toEqual(await resultOf(changed, straight));
  });

  it('is refused for views that need larger images if the data set has changed since it was prepared', async () => {
    const store = freshStore();
    const own = join(folder, 'own-data');
    await cp(data, own, { recursive: true });
    const over = (spec: Spec) => tinyExperiment(own, { ...BEFORE, ...spec });
    await train(over({}), store);
    const annotation = join(own, 'train', 'outputs_json', 'ID001', 'image1_R.json');
    await writeFile(annotation, JSON.stringify({ annotations: [] }));
    const work = runEnsemble({ experiment: over({ inference: { tta: ['identity', 'scaleUp'] } }), store, clock });
    await expect(work).rejects.toMatchObject({ code: 'prepared-invalid', where: own, fix: expect.stringContaining('inference.tta') });
  });
});

describe('a fold that continues after a change of what may change', () => {
  it('ends with the same weights, and the ensemble with the results of the new values', async () => {
    const [halting, straight] = [freshStore(), freshStore()];
    const changed = experimentWith({
      inference: { tta: ['identity', 'rotateRight'], threshold: 0.3, window },
      ensemble: { method: 'hard' },
      placement: { memory: '64Gi', gpus: 2, ensemble: { memory: '8Gi' } },
      run: { folds: [0, 1], retry: 2, stallTimeout: '5m', foldDeadline: '2h' },
    });
    await train(changed, straight);
    await runEnsemble({ experiment: changed, store: straight, clock });

    await runPrepare({ experiment: experimentWith({}), store: halting, clock });
    const stop = new AbortController();
    const log = (line: string): void => void (line.startsWith('epoch 1') && stop.abort());
    const stopped = runFold(foldStage(experimentWith({}), halting, { signal: stop.signal, log }));
    await expect(stopped).rejects.toMatchObject({ code: 'stopped-with-checkpoint' });
    const lines: string[] = [];
    for (const fold of [0, 1]) await runFold(foldStage(changed, halting, { fold, log: (line) => lines.push(line) }));
    expect(lines.filter((line) => line.includes('the ensemble stage will predict the images'))).toHaveLength(2);
    await runEnsemble({ experiment: changed, store: halting, clock });
    expect(await resultOf(changed, halting)).toEqual(await resultOf(changed, straight));
  });
});
