/** Folds whose encoder starts from a file, is frozen at first, and then moves by learning rates of its own. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { decodeSafetensors, encodeSafetensors } from '../engine/safetensors.ts';
import type { Model } from '../models/model.ts';
import { pretrainedEncoder } from '../models/pretrained/encoders.ts';
import { loadEncoder } from '../models/pretrained/load-encoder.ts';
import { publishedWeights } from '../models/pretrained/testing/published-weights.ts';
import { buildModel } from '../models/registry.ts';
import { readWeights } from '../models/weights.ts';
import { runFold } from '../stages/fold.ts';
import { runPrepare } from '../stages/prepare.ts';
import { tinyExperiment, writeTinyDataset } from './testing/tiny-dataset.ts';

const NETWORK = { name: 'UNetPlusPlus', options: { divisor: 32 } } as const;
const TRAINING = { epochs: 4, batchSize: 2, ema: { decay: 0.5 } };
const FROZEN = { learningRateFactor: 0.5, layerDecay: 0.8, frozenEpochs: 2 };

let folder: string;
let file: Buffer;
/** The weights of the encoder after the file has been loaded. */
let loaded: NamedArrays;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-encoder-'));
  await writeTinyDataset(join(folder, 'data'), 4);
  const models = [3, 4].map((seed) => buildModel({ ...NETWORK, classes: 29, seed })) as [Model, Model];
  const names = pretrainedEncoder(models[0])?.names[0].moduleName ?? (() => undefined);
  file = encodeSafetensors(publishedWeights(models[0], names));
  loadEncoder(models[1], file, 'the file');
  loaded = readWeights(models[1]);
  for (const model of models) model.dispose();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function made(uid: string, pretrained: object): Promise<{ experiment: SegmentationExperiment; uri: string }> {
  const uri = join(folder, `${uid}.safetensors`);
  await writeFile(uri, file);
  const spec = { model: { ...NETWORK, pretrained: { uri, ...pretrained } }, input: { size: 64 }, training: TRAINING };
  const tiny = tinyExperiment(join(folder, 'data'), { ...spec, optimizer: { learningRate: 0.01, weightDecay: 0.1 } });
  const experiment = { ...tiny, metadata: { ...tiny.metadata, uid } };
  await runPrepare({ experiment, store: openStore(folder), clock: Date.now });
  return { experiment, uri };
}

/** Trains until the line that ends an epoch, or until the end without an epoch. Returns the weights file of the checkpoint. */
async function train(experiment: SegmentationExperiment, untilEpoch?: number): Promise<Buffer> {
  const stop = new AbortController();
  const log = (line: string): void => {
    if (untilEpoch !== undefined && line.startsWith(`epoch ${untilEpoch}/`)) stop.abort();
  };
  const run = runFold({ experiment, fold: 0, store: openStore(folder), clock: Date.now, signal: stop.signal, log });
  if (untilEpoch === undefined) await run;
  else await expect(run).rejects.toMatchObject({ code: 'stopped-with-checkpoint' });
  const fold = join(folder, foldKey(experiment, 0));
  const last = (await readdir(join(fold, 'checkpoint'))).find((name) => name.startsWith('last')) ?? '';
  return readFile(join(fold, 'checkpoint', last));
}

const encoderOf = (state: NamedArrays, isWeight: boolean) =>
  [...state].filter(([name]) => name.startsWith('model/encoder/') && /\/moving\w+$/.test(name) !== isWeight);

it('a frozen encoder keeps the weights of the file until its epochs are over, and a fold that is stopped ends with the same bits', async () => {
  const whole = await made('whole', FROZEN);
  const wholeEnd = await train(whole.experiment);

  const stopped = await made('stopped', FROZEN);
  await train(stopped.experiment, 1);
  // The encoder's variables are known without the file.
  await rm(stopped.uri);
  const frozen = decodeSafetensors(await train(stopped.experiment, 2)).arrays;
  expect(encoderOf(frozen, true).length).toBeGreaterThan(50);
  for (const [name, { data }] of encoderOf(frozen, true)) {
    expect(data, name).toEqual(loaded.get(name)?.data);
    expect(frozen.get(name.replace('model/', 'optimizer/average/'))?.data, name).toEqual(data);
  }
  for (const [name, { data }] of encoderOf(frozen, false)) expect(data, name).not.toEqual(loaded.get(name)?.data);
  const moved = decodeSafetensors(await train(stopped.experiment, 3)).arrays;
  expect(moved.get('model/encoder/stem/kernel')?.data).not.toEqual(loaded.get('model/encoder/stem/kernel')?.data);
  const stoppedEnd = await train(stopped.experiment);

  // The files name the experiment's manifest nowhere, so all bytes are equal.
  expect(stoppedEnd.equals(wholeEnd)).toBe(true);
  const masks = [whole, stopped].map(({ experiment }) => readFile(join(folder, foldKey(experiment, 0), FILE.outOfFoldPredictions)));
  const [wholeMasks, stoppedMasks] = await Promise.all(masks);
  expect(stoppedMasks?.equals(wholeMasks ?? Buffer.alloc(0))).toBe(true);
});

it('an encoder with a factor of 0 keeps the weights of the file in every epoch, and one without factors moves at once', async () => {
  const fixed = await made('fixed', { learningRateFactor: 0 });
  const state = decodeSafetensors(await train(fixed.experiment)).arrays;
  for (const [name, { data }] of encoderOf(state, true)) expect(data, name).toEqual(loaded.get(name)?.data);
  const plain = await made('plain', {});
  const first = decodeSafetensors(await train(plain.experiment, 1)).arrays;
  const stem = 'model/encoder/stem/kernel';
  expect(first.get(stem)?.data).not.toEqual(loaded.get(stem)?.data);
});
