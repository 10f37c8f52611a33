import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { type StageProgress, stageProgressSchema } from '@carpal/configs/schema/progress.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProgressFile } from './progress-file.ts';

let folder: string;
let nowMs = 1_000_000;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-progress-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const written = async (): Promise<StageProgress> =>
  stageProgressSchema.parse(JSON.parse(await readFile(join(folder, 'progress.json'), 'utf8')));
const open = (): ProgressFile => new ProgressFile(openStore(folder), 'progress.json', 3, () => nowMs);

describe('progress.json', () => {
  it('is written at most every ten seconds while nothing ends', async () => {
    const progress = open();
    await progress.tell({ step: 1 });
    nowMs += 9_999;
    await progress.tell({ step: 2 });
    expect((await written()).step).toBe(1);
    nowMs += 1;
    await progress.tell({ step: 3 });
    expect(await written()).toMatchObject({ stage: 'fold', fold: 3, state: 'running', step: 3, updatedAt: new Date(nowMs).toISOString() });
  });

  it('is written at once where something ends, and keeps what was told before', async () => {
    const progress = open();
    await progress.tell({ epoch: 2, bestDice: 0.5 });
    await progress.tellNow({ state: 'stopped' });
    expect(await written()).toMatchObject({ state: 'stopped', epoch: 2, bestDice: 0.5 });
  });

  it('says from the first on what never changes, and what a former process said where the fold was finished by that', async () => {
    const opened = (gpu: string): ProgressFile => new ProgressFile(openStore(folder), 'progress.json', 3, () => nowMs, { gpu });
    await opened('NVIDIA L4').tellNow({ epoch: 1 });
    expect(await written()).toMatchObject({ gpu: 'NVIDIA L4', epoch: 1, state: 'running' });
    await opened('NVIDIA A10').ensureFinished();
    expect(await written()).toMatchObject({ gpu: 'NVIDIA L4', epoch: 1, state: 'finished' });
  });

  it('says finished where a kill came before it could, and forgets an error that was overcome', async () => {
    await open().tellNow({ state: 'failed', epoch: 4, error: { code: 'disk-full', message: 'full', remedy: 'free some' } });
    await open().ensureFinished();
    expect(await written()).toMatchObject({ state: 'finished', epoch: 4 });
    expect((await written()).error).toBeUndefined();
    const before = nowMs;
    nowMs += 60_000;
    await open().ensureFinished();
    expect((await written()).updatedAt).toBe(new Date(before).toISOString());
  });
});
