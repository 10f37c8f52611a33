import { mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CachedObject, checkoutInto } from './checkout-cache.ts';

const DAY_MS = 86_400_000;
/** Close to now, because objects have the time of their real write. */
const BEGIN = new Date(Date.now() - 60_000);
const dayLater = (days: number): Date => new Date(BEGIN.getTime() + days * DAY_MS);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-checkout-cache-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const named = (path: string): CachedObject => ({ path, size: path.length, version: path });
const download = ({ path: name }: CachedObject, path: string): Promise<void> => writeFile(path, name);

/** The content of a cache: the files of each tree, and the number of objects. */
async function contentOf(root: string): Promise<{ trees: string[][]; objects: number }> {
  const trees = await Promise.all((await readdir(join(root, 'trees'))).map((name) => readdir(join(root, 'trees', name))));
  const names = await readdir(join(root, 'objects'), { recursive: true });
  return { trees, objects: names.filter((name) => name.includes('/')).length };
}

describe('checkoutInto', () => {
  it('records the given time of each request', async () => {
    const tree = await checkoutInto(join(folder, 'noted'), [named('old')], download, BEGIN);
    expect((await stat(tree)).mtime).toEqual(BEGIN);
  });

  it.each([
    [59, { trees: [['old'], ['new']], objects: 2 }],
    [61, { trees: [['new']], objects: 1 }],
  ])('keeps or removes a checkout that was not requested for %i days: %j', async (days, expected) => {
    const root = join(folder, `begun-${days}`);
    await checkoutInto(root, [named('old')], download, BEGIN);
    // Cleaning runs once per process and folder, so a renamed folder is cleaned again.
    const later = join(folder, `later-${days}`);
    await rename(root, later);
    await checkoutInto(later, [named('new')], download, dayLater(days));
    const { trees, objects } = await contentOf(later);
    expect({ trees: trees.toSorted().toReversed(), objects }).toEqual(expected);
  });
});
