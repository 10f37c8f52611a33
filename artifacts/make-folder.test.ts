import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeFolder } from './make-folder.ts';

const scratch = (): Promise<string> => mkdtemp(join(tmpdir(), 'carpal-folder-'));

describe('making a folder', () => {
  it('makes those above it too, and is content with what is there, also when many ask at once', async () => {
    const root = await scratch();
    for (let round = 0; round < 50; round++) {
      await Promise.all(Array.from({ length: 8 }, () => makeFolder(join(root, `${round}/a/b/c`))));
    }
    expect(await readdir(join(root, '49/a/b'))).toEqual(['c']);
  });

  it('names what stands in the way', async () => {
    const root = await scratch();
    await writeFile(join(root, 'a'), 'a file');
    await expect(makeFolder(join(root, 'a'))).rejects.toMatchObject({ code: 'folder-unwritable', where: join(root, 'a') });
    await expect(makeFolder(join(root, 'a/b'))).rejects.toMatchObject({ code: 'folder-unwritable', where: join(root, 'a/b') });
  });

  it.runIf(process.platform === 'linux')('does not try for ever where the file system makes no folders', async () => {
    await expect(makeFolder('/proc/carpal/runs')).rejects.toMatchObject({ code: 'folder-unwritable', where: '/proc/carpal/runs' });
  });
});
