import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeSafetensors } from '../engine/safetensors.ts';
import { evalWeights } from '../objective/weight-average.ts';
import { runFold } from '../stages/fold.ts';
import { runPrepare } from '../stages/prepare.ts';
import { tinyExperiment, writeTinyDataset } from './testing/tiny-dataset.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-train-'));
  await writeTinyDataset(join(folder, 'data'), 4);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** An experiment with few default values. */
async function experimentOf(uid: string): Promise<SegmentationExperiment> {
  const made = tinyExperiment(join(folder, 'data'), {
    loss: [{ name: 'Lovasz' }, { name: 'Focal' }, { name: 'FocalTversky', reduction: 'global' }],
    optimizer: { name: 'SGD', learningRate: 0.05 },
    scheduler: { name: 'CosineAnnealingWarmRestarts', options: { cycleEpochs: 2, warmupEpochs: 1 } },
    training: { epochs: 4, batchSize: 2, ema: { decay: 0.9 } },
  });
  const experiment = { ...made, metadata: { ...made.metadata, uid } };
  await runPrepare({ experiment, store: openStore(folder), clock: Date.now });
  return experiment;
}

async function trained(uid: string, isLast: (line: string) => boolean = () => false): Promise<{ best: Buffer; last: Buffer }> {
  const experiment = await experimentOf(uid);
  const stop = new AbortController();
  const stage = { experiment, fold: 0, store: openStore(folder), clock: Date.now };
  const log = (line: string): void => void (isLast(line) && stop.abort());
  await runFold({ ...stage, signal: stop.signal, log }).catch((error: unknown) => {
    expect(error).toMatchObject({ code: 'stopped-with-checkpoint' });
    return runFold({ ...stage, signal: new AbortController().signal, log: () => undefined });
  });
  const read = (file: string): Promise<Buffer> => readFile(join(folder, foldKey(experiment, 0), file));
  return { best: await read(FILE.bestCheckpoint), last: await read(FILE.lastCheckpoint) };
}

it('a fold with EMA keeps the EMA weights as the best weights, and has the same bits after it is resumed', async () => {
  const whole = await trained('whole');
  const stopped = await trained('stopped', (line) => line.startsWith('epoch 2'));
  expect(stopped.last.equals(whole.last)).toBe(true);
  expect(stopped.best.equals(whole.best)).toBe(true);
  const { arrays } = decodeSafetensors(whole.last);
  const averaged = evalWeights(arrays);
  expect([...decodeSafetensors(whole.best).arrays.keys()]).toEqual([...averaged.keys()]);
  expect([...averaged].some(([name, { data }]) => data.some((value, index) => value !== arrays.get(name)?.data[index]))).toBe(true);
});
