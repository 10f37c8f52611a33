import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sweepPartials } from './partial.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'carpal-partial-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe('the unfinished write of another machine', () => {
  it.each([
    [9, ['last.partial-1-00ff']],
    [11, []],
  ])('is swept once nothing has moved in it for ten minutes: after %i minutes there is %j', async (minutes, left) => {
    const folder = await mkdtemp(join(root, 'folder-'));
    await writeFile(join(folder, 'last.partial-1-00ff'), 'half');
    await sweepPartials(folder, Date.now() + minutes * 60_000);
    expect(await readdir(folder)).toEqual(left);
  });
});
