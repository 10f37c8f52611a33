import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openFolderStore } from './folder-store.ts';
import { StageLog } from './stage-log.ts';
import type { ArtifactStore } from './store.ts';

let folder: string;
let writes: string[];
/** If set, a write waits for this. */
let gate: Promise<void> | undefined;
let isAway: boolean;
let store: ArtifactStore;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-stage-log-'));
  [writes, gate, isAway] = [[], undefined, false];
  const inner = openFolderStore(folder);
  store = {
    ...inner,
    write: async (key, content) => {
      if (isAway) throw new Error('away');
      writes.push(String(content));
      await gate;
      await inner.write(key, content);
    },
  };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the log of a stage', () => {
  it('is stored whole, and only if it has changed', async () => {
    const log = new StageLog(store, 'logs/prepare-1.txt');
    await log.upload();
    log.add('one\n');
    await log.upload();
    await log.upload();
    log.add('\u001b[31m(two)\u001b[0m\n');
    await log.upload();
    expect(writes).toEqual(['one\n', 'one\n(two)\n']);
    expect((await store.read('logs/prepare-1.txt')).toString()).toBe('one\n(two)\n');
  });

  it('contains lines that are added during an upload after the next one', async () => {
    const log = new StageLog(store, 'log');
    const { promise, resolve } = Promise.withResolvers<void>();
    gate = promise;
    log.add('one\n');
    const first = log.upload();
    await vi.waitFor(() => expect(writes).toHaveLength(1));
    log.add('two\n');
    const others = [log.upload(), log.upload()];
    resolve();
    await Promise.all([first, ...others]);
    expect(writes).toEqual(['one\n', 'one\ntwo\n']);
  });

  it('is stored later if the store was unavailable, and never throws', async () => {
    const log = new StageLog(store, 'log');
    log.add('one\n');
    isAway = true;
    await log.upload();
    expect(writes).toEqual([]);
    isAway = false;
    await log.upload();
    expect(writes).toEqual(['one\n']);
  });
});
