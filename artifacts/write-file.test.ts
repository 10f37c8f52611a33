import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder, sweepPartials } from './write-file.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'carpal-write-file-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const scratch = (): Promise<string> => mkdtemp(join(root, 'folder-'));

describe('makeFolder', () => {
  it('creates parent folders, and accepts existing ones, also with many concurrent calls', async () => {
    const folder = await scratch();
    for (let round = 0; round < 50; round++) {
      await Promise.all(Array.from({ length: 8 }, () => makeFolder(join(folder, `${round}/a/b/c`))));
    }
    expect(await readdir(join(folder, '49/a/b'))).toEqual(['c']);
  });

  it('reports the path if a file is in the way', async () => {
    const folder = await scratch();
    await writeFile(join(folder, 'a'), 'a file');
    await expect(makeFolder(join(folder, 'a'))).rejects.toMatchObject({ code: 'folder-unwritable', where: join(folder, 'a') });
    await expect(makeFolder(join(folder, 'a/b'))).rejects.toMatchObject({ code: 'folder-unwritable', where: join(folder, 'a/b') });
  });

  it.runIf(process.platform === 'linux')('fails, instead of repeating forever, if the file system does not allow folders', async () => {
    await expect(makeFolder('/proc/carpal/runs')).rejects.toMatchObject({ code: 'folder-unwritable', where: '/proc/carpal/runs' });
  });
});

describe('an unfinished write of another machine', () => {
  it.each([
    [9, ['last.partial-1-00ff']],
    [11, []],
  ])('is removed after ten minutes without a change: after %i minutes the folder contains %j', async (minutes, left) => {
    const folder = await scratch();
    await writeFile(join(folder, 'last.partial-1-00ff'), 'half');
    await sweepPartials(folder, Date.now() + minutes * 60_000);
    expect(await readdir(folder)).toEqual(left);
  });
});
