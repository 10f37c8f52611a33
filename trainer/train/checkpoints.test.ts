import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { type ExperimentSpec, specSchema } from '@carpal/configs/schema/experiment.ts';
import { dyingStore } from '@carpal/testbed/artifacts/dying-store.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { FoldCheckpoints, isOldFingerprint, type RecordBody, trainingFingerprint } from './checkpoints.ts';

const KEY = 'folds/0/checkpoint';
let folder: string;
let store: ArtifactStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-checkpoints-'));
  store = openStore(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const arraysOf = (value: number): NamedArrays => new Map([['model/kernel', { shape: [2], data: Float32Array.of(value, value + 1) }]]);

const bodyAt = (epoch: number, step = 0): RecordBody => ({
  prepared: 'hash',
  finished: false,
  epoch,
  step,
  ended: null,
  running: { loss: 0, images: 0, seconds: 0, waitSeconds: 0 },
  schedule: { rate: 0.1 },
  earlyStop: { reference: null, referenceEpoch: 0 },
});

let processes = 0;
const open = (over: ArtifactStore = store, trains = 'this'): FoldCheckpoints =>
  new FoldCheckpoints(over, KEY, trains, `process ${++processes}`);
const files = (): Promise<string[]> => readdir(join(folder, KEY)).then((names) => names.sort());
const firstValue = (arrays: NamedArrays): number | undefined => arrays.get('model/kernel')?.data[0];

describe('the checkpoints of a fold', () => {
  it('do not exist before the first save', async () => {
    expect(await open().load()).toBeUndefined();
  });

  it('have the saved record and arrays', async () => {
    const checkpoints = open();
    await checkpoints.keepBest(arraysOf(1), { epoch: 1, dice: 0.25 });
    await checkpoints.save(arraysOf(2), bodyAt(2, 5));
    const again = open();
    const record = await again.load();
    expect(record).toMatchObject({ epoch: 2, step: 5, best: { epoch: 1, dice: 0.25 }, schedule: { rate: 0.1 } });
    expect(again.best).toMatchObject({ epoch: 1, dice: 0.25 });
    expect(record && firstValue(await again.readWeights(record.last))).toBe(2);
    expect(record?.best && firstValue(await again.readWeights(record.best))).toBe(1);
  });

  it('leave no older files', async () => {
    const checkpoints = open();
    for (let epoch = 1; epoch <= 4; epoch++) {
      await checkpoints.keepBest(arraysOf(10 * epoch), { epoch, dice: epoch / 10 });
      await checkpoints.save(arraysOf(epoch), bodyAt(epoch));
    }
    expect(await files()).toEqual([
      expect.stringMatching(/^best-[0-9a-f]{16}\.safetensors$/),
      expect.stringMatching(/^last-[0-9a-f]{16}\.safetensors$/),
      'state.json',
    ]);
  });

  it('are the previous or the new ones, never a mixture, whichever write a kill interrupts', async () => {
    for (let changes = 0; changes < 7; changes++) {
      await store.remove(KEY);
      const first = open();
      await first.keepBest(arraysOf(10), { epoch: 1, dice: 0.1 });
      await first.save(arraysOf(1), bodyAt(1));
      const dying = open(dyingStore(store, changes));
      const killed = await dying
        .load()
        .then(() => dying.keepBest(arraysOf(20), { epoch: 2, dice: 0.2 }))
        .then(() => dying.save(arraysOf(2), bodyAt(2)))
        .then(() => false)
        .catch(() => true);
      const after = open();
      const record = await after.load();
      if (!record?.best) throw new Error('no checkpoint');
      const found = [record.epoch, firstValue(await after.readWeights(record.last)), firstValue(await after.readWeights(record.best))];
      expect(found, `killed at change ${changes}`).toEqual(changes < 4 ? [1, 1, 10] : [2, 2, 20]);
      expect(killed).toBe(changes < 6);
      expect((await files()).length).toBe(3);
    }
  });

  it('have plain file names once the fold is finished', async () => {
    const checkpoints = open();
    await checkpoints.keepBest(arraysOf(10), { epoch: 1, dice: 0.1 });
    await checkpoints.save(arraysOf(1), { ...bodyAt(2), ended: 'epochs' });
    const record = await checkpoints.load();
    if (!record) throw new Error('no checkpoint');
    await checkpoints.finish(record);
    expect(await files()).toEqual(['best.safetensors', 'last.safetensors', 'state.json']);
    const finished = await open().load();
    expect(finished).toMatchObject({ finished: true, last: { file: 'last.safetensors', sha256: record.last.sha256 } });
    expect(finished?.best && firstValue(await open().readWeights(finished.best))).toBe(10);
  });

  it('reject weights that were changed, truncated or removed', async () => {
    const checkpoints = open();
    await checkpoints.save(arraysOf(1), bodyAt(1));
    const record = await checkpoints.load();
    if (!record) throw new Error('no checkpoint');
    const path = join(folder, KEY, record.last.file);
    await writeFile(path, 'not weights');
    await expect(checkpoints.readWeights(record.last)).rejects.toMatchObject({ code: 'checkpoint-invalid' });
    await rm(path);
    await expect(checkpoints.readWeights(record.last)).rejects.toMatchObject({ code: 'checkpoint-invalid' });
  });

  it.each(['', '{', '[]', '{"version":2}'])('reject a record with %j', async (text) => {
    await store.write(`${KEY}/state.json`, text);
    await expect(open().load()).rejects.toMatchObject({ code: 'checkpoint-invalid', where: `${KEY}/state.json` });
  });

  it('reject the checkpoint of another experiment', async () => {
    await open().save(arraysOf(1), bodyAt(1));
    await expect(open(store, 'that').load()).rejects.toMatchObject({ code: 'checkpoint-invalid' });
  });
});

describe('if two processes train the same fold,', () => {
  const whole = async (): Promise<{ epoch: number; last: number | undefined; best: number | undefined }> => {
    const checkpoints = open();
    const record = await checkpoints.load();
    if (!record?.best) throw new Error('no checkpoint');
    const [last, best] = [await checkpoints.readWeights(record.last), await checkpoints.readWeights(record.best)];
    return { epoch: record.epoch, last: firstValue(last), best: firstValue(best) };
  };
  const saved = async (checkpoints: FoldCheckpoints, epoch: number): Promise<void> => {
    await checkpoints.keepBest(arraysOf(10 * epoch), { epoch, dice: epoch / 10 });
    await checkpoints.save(arraysOf(epoch), bodyAt(epoch));
  };

  it('the one that loaded last continues; the other gets an error that names the owner, and changes nothing', async () => {
    const first = open();
    await saved(first, 1);
    const second = open();
    expect(await second.load()).toMatchObject({ epoch: 1 });
    await first.keepBest(arraysOf(90), { epoch: 9, dice: 0.9 });
    const taken = {
      code: 'fold-taken',
      exit: 75,
      where: `${KEY}/state.json`,
      message: expect.stringContaining(`process ${processes} has`),
    };
    await expect(first.save(arraysOf(9), bodyAt(9))).rejects.toMatchObject(taken);
    await saved(second, 2);
    await expect(first.save(arraysOf(9), bodyAt(9))).rejects.toMatchObject({ code: 'fold-taken' });
    expect(await whole()).toEqual({ epoch: 2, last: 2, best: 20 });
  });

  it('the first one to save owns a fold without a checkpoint', async () => {
    const [first, second] = [open(), open()];
    expect([await first.load(), await second.load()]).toEqual([undefined, undefined]);
    await saved(second, 1);
    await expect(saved(first, 1)).rejects.toMatchObject({ code: 'fold-taken' });
    expect(await whole()).toEqual({ epoch: 1, last: 1, best: 10 });
  });

  it('a process that loses the fold while it uploads files leaves the record intact', async () => {
    const first = open({
      ...store,
      writeIfUnchanged: async (key, content, tag) => {
        if (content.includes('"epoch": 2')) await second.load();
        return store.writeIfUnchanged(key, content, tag);
      },
    });
    const second = open();
    await saved(first, 1);
    await expect(saved(first, 2)).rejects.toMatchObject({ code: 'fold-taken' });
    expect(await whole()).toEqual({ epoch: 1, last: 1, best: 10 });
  });

  it('a process that loads while the other saves continues from the saved state', async () => {
    const first = open();
    await saved(first, 1);
    let reads = 0;
    const second = open({
      ...store,
      readIfChanged: async (key, tag) => {
        const found = await store.readIfChanged(key, tag);
        if (reads++ === 0) await saved(first, 2);
        return found;
      },
    });
    expect(await second.load()).toMatchObject({ epoch: 2, best: { epoch: 2 } });
    await expect(saved(first, 3)).rejects.toMatchObject({ code: 'fold-taken' });
    await saved(second, 3);
    expect(await whole()).toEqual({ epoch: 3, last: 3, best: 30 });
  });

  it('a process that has lost the fold does not write its weights under the plain names of a finished fold', async () => {
    const first = open();
    await saved(first, 1);
    const { record } = first;
    const second = open();
    await second.load();
    await saved(second, 2);
    if (!record || !second.record) throw new Error('no checkpoint');
    await second.finish(second.record);
    await expect(first.finish(record)).rejects.toMatchObject({ code: 'fold-taken' });
    expect(await whole()).toEqual({ epoch: 2, last: 2, best: 20 });
  });

  it('a process whose checkpoint was removed does not create another', async () => {
    const first = open();
    await saved(first, 1);
    await store.remove(KEY);
    await expect(saved(first, 2)).rejects.toMatchObject({ code: 'fold-taken' });
    expect(await open().load()).toBeUndefined();
  });
});

const specOf = (more: object): ExperimentSpec => specSchema.parse({ dataset: { uri: 'data' }, model: { name: 'SlimUNet' }, ...more });
const base = trainingFingerprint(specOf({}), 0);

describe('the fingerprint of a training', () => {
  it.each([
    ['the location of the data set', { dataset: { uri: 'elsewhere' } }],
    ['owner and task', { owner: 'kim', task: 'another task' }],
    ['parallelism', { run: { parallelism: 1 } }],
    ['placement', { placement: { gpus: 4 } }],
    ['inference', { inference: { tta: ['identity'], threshold: 0.4, window: {} } }],
    ['ensemble', { ensemble: { method: 'hard' } }],
    ['retries and deadlines', { run: { retry: 3, foldDeadline: '1h', maxFailures: 9 } }],
  ])('does not depend on %s', (_, more) => {
    expect(trainingFingerprint(specOf(more), 0)).toBe(base);
  });

  it.each([
    ['seed', { training: { seed: 3 } }],
    ['network', { model: { name: 'UNet' } }],
    ['split', { dataset: { uri: 'data', split: { folds: 3 } } }],
    ['augmentation', { augmentations: [] }],
    ['learning rate', { optimizer: { learningRate: 2e-3 } }],
  ])('depends on the %s', (_, more) => {
    expect(trainingFingerprint(specOf(more), 0)).not.toBe(base);
  });

  it('equals that of earlier versions, whose manifests had training.engine, so that their checkpoints remain valid', () => {
    expect(base).toBe('19261c9f505ee6248749091ec3707f9d99f19a53880b74f97748e2dafb119997');
  });

  it('of earlier versions, which had inference.threshold in it, is recognised whatever the threshold is now', async () => {
    // What version 0.1 computed for a threshold of 0.4.
    const old = '567afd1e8510d82e0c2f7e2b4c297ef0493c5b70100830f5bccc58986544dc29';
    const isOld = isOldFingerprint(specOf({ inference: { threshold: 0.3 } }), 0);
    expect(isOld(old)).toBe(true);
    expect(isOldFingerprint(specOf({}), 1)(old)).toBe(false);
    await open(store, old).save(arraysOf(1), bodyAt(1));
    const now = new FoldCheckpoints(store, KEY, base, 'another process', isOld);
    expect(await now.load()).toMatchObject({ epoch: 1, trains: base });
    expect(await open(store, base).load()).toMatchObject({ epoch: 1 });
  });

  it('of CustomUNet as version 0.1 had it is that of the variant improved, and differs from that of published', () => {
    // What version 0.1 computed for a manifest without a variant.
    const old = '3ff4072be0e3226c5baea5d2fb3655e3dc97155ae18c8dd1a07fcdd25ab50e6a';
    const of = (options: object): string => trainingFingerprint(specOf({ model: { name: 'CustomUNet', options } }), 0);
    expect(of({ width: 64, variant: 'improved' })).toBe(old);
    expect(of({ width: 64, variant: 'published' })).not.toBe(old);
  });

  it('of a pretrained encoder is that of version 0.1 unless the encoder is trained in another way than the rest', () => {
    const of = (training: object): string =>
      trainingFingerprint(specOf({ model: { name: 'HRNet', pretrained: { uri: 'a', ...training } } }), 0);
    expect(of({})).toBe('7ff1d9bf86b8da29ef7633d40298d4529c03f87e6d192912881a2e79583d6e0e');
    const fields = [{ learningRateFactor: 0.1 }, { layerDecay: 0.9 }, { frozenEpochs: 1 }];
    expect(new Set([{}, ...fields].map(of)).size).toBe(4);
  });

  it('depends on the fold', () => {
    expect(trainingFingerprint(specOf({}), 1)).not.toBe(base);
  });
});
