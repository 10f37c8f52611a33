import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { type StageProgress, stageProgressSchema } from '@carpal/configs/schema/progress.ts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openFolderStore } from './folder-store.ts';
import { ProgressWriter, parseProgress, progressKey, readReportedError } from './progress.ts';

let folder: string;
let nowMs = 1_000_000;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-progress-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const experiment = { metadata: { namespace: 'default', name: 'wrist', uid: 'u1' } };
const stage = { stage: 'fold', fold: 3 } as const;
const writtenText = (): Promise<string> => readFile(join(folder, progressKey(experiment, stage)), 'utf8');
const written = async (): Promise<StageProgress> => stageProgressSchema.parse(JSON.parse(await writtenText()));
const open = (gpu?: string): ProgressWriter => {
  const initial = gpu === undefined ? {} : { gpu };
  return new ProgressWriter({ store: openFolderStore(folder), experiment, stage, clock: () => nowMs, initial });
};
const error = { code: 'disk-full', message: 'full', remedy: 'free some' };

describe('ProgressWriter', () => {
  it('writes updates at most every ten seconds', async () => {
    const progress = open();
    await progress.update({ step: 1 });
    nowMs += 9_999;
    await progress.update({ step: 2 });
    expect((await written()).step).toBe(1);
    nowMs += 1;
    await progress.update({ step: 3 });
    expect(await written()).toMatchObject({ stage: 'fold', fold: 3, state: 'running', step: 3, updatedAt: new Date(nowMs).toISOString() });
  });

  it('writes immediately when asked to, and keeps earlier fields', async () => {
    const progress = open();
    await progress.update({ epoch: 2, bestDice: 0.5 });
    await progress.write({ state: 'stopped' });
    expect(await written()).toMatchObject({ state: 'stopped', epoch: 2, bestDice: 0.5 });
  });

  it('keeps the order of fields that readers of earlier versions know', async () => {
    await open('NVIDIA L4').write({ epoch: 1 });
    expect(Object.keys(JSON.parse(await writtenText()))).toEqual(['stage', 'fold', 'state', 'gpu', 'epoch', 'updatedAt']);
  });

  it('writes the initial fields from the first report on', async () => {
    await open('NVIDIA L4').write({ epoch: 1 });
    expect(await written()).toMatchObject({ gpu: 'NVIDIA L4', epoch: 1, state: 'running' });
  });

  it('adds the finished state to the report of an earlier process, whose fields stay', async () => {
    await open('NVIDIA L4').write({ epoch: 1 });
    await open('NVIDIA A10').ensureFinished();
    expect(await written()).toMatchObject({ gpu: 'NVIDIA L4', epoch: 1, state: 'finished' });
  });

  it('removes the error of an earlier attempt when it adds the finished state, and does not add this state twice', async () => {
    await open().write({ state: 'failed', epoch: 4, error });
    await open().ensureFinished();
    expect(await written()).toMatchObject({ state: 'finished', epoch: 4 });
    expect((await written()).error).toBeUndefined();
    const before = nowMs;
    nowMs += 60_000;
    await open().ensureFinished();
    expect((await written()).updatedAt).toBe(new Date(before).toISOString());
  });

  it('reports a failure with its error, and a requested stop without one', async () => {
    await open().fail(new CarpalError('disk-full', 'the disk is full', { fix: 'free some' }));
    expect(await written()).toMatchObject({ state: 'failed', error: { code: 'disk-full', remedy: 'free some' } });
    await open().fail(new CarpalError('stopped-with-checkpoint', 'stopped'));
    expect(await written()).not.toHaveProperty('error');
    expect(await written()).toMatchObject({ state: 'stopped' });
  });

  it('refreshes the time of the report when work advances, at most every ten seconds, and only then', async () => {
    const progress = open();
    await progress.write({ epoch: 1 });
    const first = nowMs;
    nowMs += 9_999;
    progress.beat();
    expect((await written()).updatedAt).toBe(new Date(first).toISOString());
    nowMs += 1;
    progress.beat();
    await vi.waitFor(async () => expect(await written()).toMatchObject({ epoch: 1, updatedAt: new Date(nowMs).toISOString() }));
  });

  it('does not queue heartbeats while the store does not answer', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let writes = 0;
    const write = async (): Promise<void> => {
      await promise;
      writes += 1;
    };
    const slow = { ...openFolderStore(folder), write };
    const progress = new ProgressWriter({ store: slow, experiment, stage, clock: () => nowMs });
    for (let beats = 0; beats < 5; beats++) {
      progress.beat();
      nowMs += 60_000;
    }
    resolve();
    await progress.write({ state: 'finished' });
    expect(writes).toBe(2);
  });

  it('keeps warnings in every later report: plain, in one line, each once, at most eight of 300 characters', async () => {
    const progress = open();
    await progress.write({ epoch: 1 });
    expect(await written()).not.toHaveProperty('warnings');
    progress.warn('two\n  lines\u001b[31m');
    progress.warn('two lines');
    progress.warn('  ');
    for (let index = 0; index < 20; index++) progress.warn(`${index} ${'x'.repeat(500)}`);
    await progress.write({ epoch: 2, loss: 0.5 });
    const { warnings = [] } = await written();
    expect(warnings.slice(0, 2)).toEqual(['two lines', `0 ${'x'.repeat(297)}…`]);
    expect(warnings.map(({ length }) => length)).toEqual([9, ...Array(7).fill(300)]);
    expect(progress.warnings).toEqual(warnings);
    await open().ensureFinished();
    expect((await written()).warnings).toEqual(warnings);
  });

  it('reports a warning without waiting for the next change', async () => {
    const progress = open();
    await progress.write({ epoch: 1 });
    nowMs += 10_000;
    progress.warn('class Radius is empty');
    await vi.waitFor(async () => expect(await written()).toMatchObject({ epoch: 1, warnings: ['class Radius is empty'] }));
  });

  it('throws the error of a background update at the next write, but never from fail', async () => {
    const broken = { ...openFolderStore(folder), write: () => Promise.reject(new Error('away')) };
    const progress = new ProgressWriter({ store: broken, experiment, stage, clock: () => nowMs });
    progress.updateInBackground({ done: 1 });
    await expect(progress.write({ done: 2 })).rejects.toThrow('away');
    await expect(progress.fail(new Error('bug'))).resolves.toBeUndefined();
  });
});

describe('parseProgress', () => {
  it('replaces implausible numbers by null, and rounds counts down', () => {
    const report = { ...stage, state: 'running', updatedAt: '2026-01-31T12:00:00.000Z', epoch: 1.5, step: -1, dice: 2, etaSeconds: 1e18 };
    expect(parseProgress(Buffer.from(JSON.stringify(report)))).toMatchObject({ epoch: 1, step: null, dice: null, etaSeconds: null });
  });

  it('removes escape sequences from texts', () => {
    const texts = { code: 'x', message: 'a\u001b]52;c;aGk=\u0007b', where: 'c\u001b[2Jd', remedy: 'e\u202ef' };
    const report = { ...stage, state: 'failed', updatedAt: '2026-01-31T12:00:00.000Z', gpu: 'L4\u001b[31m', error: texts };
    const error = { code: 'x', message: 'ab', where: 'cd', remedy: 'ef' };
    expect(parseProgress(Buffer.from(JSON.stringify(report)))).toMatchObject({ gpu: 'L4', error });
  });

  it('bounds warnings that no stage of ours wrote', () => {
    const warnings = ['a\u001b]52;c;aGk=\u0007b', 'ab', '', 'c'.repeat(9999), ...Array.from({ length: 20 }, (_, index) => `${index}`)];
    const report = { ...stage, state: 'running', updatedAt: '2026-01-31T12:00:00.000Z', warnings };
    const read = parseProgress(Buffer.from(JSON.stringify(report)))?.warnings;
    expect(read).toEqual(['ab', `${'c'.repeat(299)}…`, '0', '1', '2', '3', '4', '5']);
  });

  it.each([undefined, '', '{', '[]', '{"stage":"fold"}'])('returns undefined for %j', (text) => {
    expect(parseProgress(text === undefined ? undefined : Buffer.from(text))).toBeUndefined();
  });
});

describe('readReportedError', () => {
  it('returns an error however long its message was, and reads no object that is too large for a report', async () => {
    const long = '骨'.repeat(100_000);
    await open().fail(new CarpalError('manifest-invalid', long, { where: long, fix: long }));
    const read = () => readReportedError(openFolderStore(folder), experiment, stage, new Date(0));
    expect((await read())?.message).toHaveLength(4000);
    await writeFile(join(folder, progressKey(experiment, stage)), `${await writtenText()}${' '.repeat(64 * 1024)}`);
    expect(await read()).toBeUndefined();
  });

  it('returns the error of the current attempt, not of an earlier one', async () => {
    await open().write({ state: 'failed', error });
    const read = (sinceMs: number) => readReportedError(openFolderStore(folder), experiment, stage, new Date(sinceMs));
    expect(await read(nowMs)).toEqual(error);
    expect(await read(nowMs + 1)).toBeUndefined();
  });
});
