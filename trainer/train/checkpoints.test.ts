import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { FoldCheckpoints, type RecordBody } from './checkpoints.ts';

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

const open = (over: ArtifactStore = store, trains = 'this'): FoldCheckpoints => new FoldCheckpoints(over, KEY, trains);
const files = (): Promise<string[]> => readdir(join(folder, KEY)).then((names) => names.sort());
const firstValue = (arrays: NamedArrays): number | undefined => arrays.get('model/kernel')?.data[0];

/** A store that dies at the n-th change, as a killed process does: that change and all later ones never happen. */
function dyingStore(changes: number): ArtifactStore {
  let left = changes;
  const live = (): void => {
    if (left-- <= 0) throw new Error('killed');
  };
  return {
    ...store,
    write: async (key, content) => {
      live();
      await store.write(key, content);
    },
    remove: async (prefix) => {
      live();
      await store.remove(prefix);
    },
  };
}

describe('the checkpoints of a fold', () => {
  it('are none before the first was saved', async () => {
    expect(await open().load()).toBeUndefined();
  });

  it('give back the record and the arrays', async () => {
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

  it('leave no older files behind', async () => {
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

  it('are whole whichever write a kill falls on: the former one or the new one, never a mixture', async () => {
    for (let changes = 0; changes < 6; changes++) {
      await store.remove(KEY);
      const first = open();
      await first.keepBest(arraysOf(10), { epoch: 1, dice: 0.1 });
      await first.save(arraysOf(1), bodyAt(1));
      const dying = open(dyingStore(changes));
      await dying.load();
      const killed = await dying
        .keepBest(arraysOf(20), { epoch: 2, dice: 0.2 })
        .then(() => dying.save(arraysOf(2), bodyAt(2)))
        .then(() => false)
        .catch(() => true);
      const after = open();
      const record = await after.load();
      if (!record?.best) throw new Error('no checkpoint');
      const stand = [record.epoch, firstValue(await after.readWeights(record.last)), firstValue(await after.readWeights(record.best))];
      expect(stand, `killed at change ${changes}`).toEqual(changes < 3 ? [1, 1, 10] : [2, 2, 20]);
      expect(killed).toBe(changes < 5);
      expect((await files()).length).toBe(3);
    }
  });

  it('have plain names once the fold is finished', async () => {
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

  it('refuse weights that were changed, cut short or removed', async () => {
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

  it.each(['', '{', '[]', '{"version":2}'])('refuse a record that says %j', async (text) => {
    await store.write(`${KEY}/state.json`, text);
    await expect(open().load()).rejects.toMatchObject({ code: 'checkpoint-invalid', where: `${KEY}/state.json` });
  });

  it('refuse the checkpoint of another experiment', async () => {
    await open().save(arraysOf(1), bodyAt(1));
    await expect(open(store, 'that').load()).rejects.toMatchObject({ code: 'checkpoint-invalid' });
  });
});
