import { mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CachedObject, checkoutInto } from './checkout-cache.ts';

const DAY_MS = 86_400_000;
/** Not long ago: objects have the time at which they were in fact written. */
const BEGIN = new Date(Date.now() - 60_000);
const dayLater = (days: number): Date => new Date(BEGIN.getTime() + days * DAY_MS);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'carpal-checkout-cache-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const named = (path: string): CachedObject => ({ path, size: path.length, version: path });
const download = ({ path: name }: CachedObject, path: string): Promise<void> => writeFile(path, name);

/** What a cache holds: its trees by their files, and how many objects. */
async function held(root: string): Promise<{ trees: string[][]; objects: number }> {
  const trees = await Promise.all((await readdir(join(root, 'trees'))).map((name) => readdir(join(root, 'trees', name))));
  const names = await readdir(join(root, 'objects'), { recursive: true });
  return { trees, objects: names.filter((name) => name.includes('/')).length };
}

describe('the cache of checkouts', () => {
  it('notes when each was asked for, by the time that it is given', async () => {
    const tree = await checkoutInto(join(folder, 'noted'), [named('old')], download, BEGIN);
    expect((await stat(tree)).mtime).toEqual(BEGIN);
  });

  it.each([
    [59, { trees: [['old'], ['new']], objects: 2 }],
    [61, { trees: [['new']], objects: 1 }],
  ])('keeps what nobody has asked for in %i days so: %j', async (days, expected) => {
    const root = join(folder, `begun-${days}`);
    await checkoutInto(root, [named('old')], download, BEGIN);
    // Another place is tidied anew, as by another process.
    const later = join(folder, `later-${days}`);
    await rename(root, later);
    await checkoutInto(later, [named('new')], download, dayLater(days));
    const { trees, objects } = await held(later);
    expect({ trees: trees.toSorted().toReversed(), objects }).toEqual(expected);
  });
});
