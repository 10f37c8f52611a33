import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFolderStore } from './folder-store.ts';
import { attemptLogKey, attemptLogUri, writeAttemptLog } from './logs.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-logs-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const experiment = { metadata: { namespace: 'default', name: 'wrist', uid: 'u1' } };
const attempt = { stage: 'fold', fold: 1, attempt: 2 } as const;
const key = 'experiments/default/wrist/u1/logs/fold-1-2.txt';
const LOG = 'I0000 greeting\nepoch 3\n\u001b[31mTypeError: x is not a function\u001b[0m\n\n    at step.ts:4\n';

describe('the log of an attempt', () => {
  it('contains the readable lines, and writing it twice changes nothing', async () => {
    const store = openFolderStore(folder);
    const uri = await writeAttemptLog(store, experiment, attempt, LOG);
    await writeAttemptLog(store, experiment, attempt, LOG);
    expect(uri).toBe(`${store.uri}/${key}`);
    expect(uri).toBe(attemptLogUri(store, experiment, attempt));
    expect((await store.read(key)).toString()).toBe('epoch 3\nTypeError: x is not a function\n    at step.ts:4\n');
  });

  it('is not written if there are no readable lines', async () => {
    const store = openFolderStore(folder);
    expect(await writeAttemptLog(store, experiment, attempt, '')).toBeUndefined();
    expect(await writeAttemptLog(store, experiment, attempt, ' \n')).toBeUndefined();
    expect(await store.list('')).toEqual([]);
  });

  it('of prepare and ensemble has no number of a fold', () => {
    expect(attemptLogKey(experiment, { stage: 'prepare', attempt: 1 })).toBe('experiments/default/wrist/u1/logs/prepare-1.txt');
  });

  it('stays as the attempt stored it', async () => {
    const store = openFolderStore(folder);
    await store.write(key, 'the whole log\n');
    expect(await writeAttemptLog(store, experiment, attempt, LOG)).toBe(`${store.uri}/${key}`);
    expect(await writeAttemptLog(store, experiment, attempt, '')).toBe(`${store.uri}/${key}`);
    expect((await store.read(key)).toString()).toBe('the whole log\n');
  });

  it('is cut at its beginning if it is too long', async () => {
    const store = openFolderStore(folder);
    await writeAttemptLog(store, experiment, attempt, `${'x'.repeat(200_000)}\nthe end`);
    const stored = await store.read(key);
    expect(stored.length).toBe(65_537);
    expect(stored.toString()).toMatch(/x\nthe end\n$/);
  });
});
