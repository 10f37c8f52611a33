import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactStore, ChangedRead } from '@carpal/artifacts/store.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** The behaviour that every artifact store must have. `open` returns a new, empty store for each case. */
export function describeStore(name: string, open: () => Promise<ArtifactStore>): void {
  describe(`${name} as an artifact store`, () => {
    let store: ArtifactStore;
    let local = '';
    beforeEach(async () => {
      store = await open();
      local = await mkdtemp(join(tmpdir(), 'carpal-store-'));
    });
    afterEach(async () => rm(local, { recursive: true, force: true }));

    const changed = async (key: string, tag?: string): Promise<Exclude<ChangedRead, 'unchanged'>> => {
      const read = await store.readIfChanged(key, tag);
      if (read === undefined || read === 'unchanged') throw new Error(`${key} is ${read ?? 'absent'}`);
      return read;
    };
    const keys = async (prefix: string): Promise<string[]> => (await store.list(prefix)).map(({ key }) => key);

    it('returns what was written, as bytes or text', async () => {
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      await store.write('a/b/bytes', bytes);
      await store.write('a/b/text', 'Ulna é 骨');
      expect(new Uint8Array(await store.read('a/b/bytes'))).toEqual(bytes);
      expect((await store.read('a/b/text')).toString('utf8')).toBe('Ulna é 骨');
    });

    it('keeps an empty object', async () => {
      await store.write('empty', '');
      expect((await store.read('empty')).length).toBe(0);
      expect(await store.list('')).toMatchObject([{ key: 'empty', size: 0 }]);
    });

    it('keeps a large object complete', async () => {
      const large = Buffer.alloc(9 * 2 ** 20, 'bone');
      await store.write('large', large);
      expect((await store.read('large')).equals(large)).toBe(true);
    });

    it('replaces an object with a second write', async () => {
      await store.write('a', 'a long first version');
      await store.write('a', 'second');
      expect((await store.read('a')).toString()).toBe('second');
      expect(await keys('')).toEqual(['a']);
    });

    it('shows readers one complete version or the other while an object is overwritten', async () => {
      const versions = ['1', '2'].map((digit) => digit.repeat(200_000));
      await store.write('progress.json', versions[0] ?? '');
      const seen = new Set<string>();
      const writes = (async () => {
        for (let round = 0; round < 10; round += 1) await store.write('progress.json', versions[round % 2] ?? '');
      })();
      const reads = (async () => {
        for (let round = 0; round < 30; round += 1) seen.add((await store.read('progress.json')).toString());
      })();
      await Promise.all([writes, reads]);
      for (const version of seen) expect(versions).toContain(version);
    });

    it('keeps objects separate that are written concurrently', async () => {
      const names = Array.from({ length: 20 }, (_, index) => `many/${index}`);
      await Promise.all(names.map(async (key) => store.write(key, key)));
      expect(await Promise.all(names.map(async (key) => (await store.read(key)).toString()))).toEqual(names);
    });

    it('reports artifact-missing for a missing object, for which readIfPresent returns undefined', async () => {
      await store.write('a/b', 'x');
      for (const key of ['b', 'a', 'a/b/c']) {
        await expect(store.read(key)).rejects.toMatchObject({ code: 'artifact-missing', message: expect.stringContaining(key) });
        expect(await store.readIfPresent(key)).toBeUndefined();
      }
    });

    it('returns an object with its tag, and unchanged for that tag until the object is written again', async () => {
      expect(await store.readIfChanged('a/b')).toBeUndefined();
      await store.write('a/b', 'one');
      const first = await changed('a/b');
      expect(first.content.toString()).toBe('one');
      expect(await store.readIfChanged('a/b', first.tag)).toBe('unchanged');
      await store.write('a/b', 'two');
      const second = await changed('a/b', first.tag);
      expect(second.content.toString()).toBe('two');
      expect(second.tag).not.toBe(first.tag);
      expect(await store.readIfChanged('a/b', second.tag)).toBe('unchanged');
      await store.remove('a/b');
      expect(await store.readIfChanged('a/b', second.tag)).toBeUndefined();
      expect(await store.readIfChanged('a', second.tag)).toBeUndefined();
    });

    it('reads an object up to a limit, and reports artifact-too-large for one that is a byte larger', async () => {
      await store.write('a/b', 'x'.repeat(100_000));
      for (const limit of [{ maxBytes: 100_000 }, {}]) {
        expect((await store.readIfPresent('a/b', limit))?.length).toBe(100_000);
        expect((await changed('a/b')).content.length).toBe(100_000);
      }
      const { tag } = await changed('a/b');
      for (const maxBytes of [99_999, 0]) {
        const refusal = { code: 'artifact-too-large', where: expect.stringContaining('a/b') };
        await expect(store.readIfPresent('a/b', { maxBytes })).rejects.toMatchObject(refusal);
        await expect(store.readIfChanged('a/b', undefined, { maxBytes })).rejects.toMatchObject(refusal);
      }
      expect(await store.readIfChanged('a/b', tag, { maxBytes: 10 })).toBe('unchanged');
      expect(await store.readIfPresent('none', { maxBytes: 10 })).toBeUndefined();
      await store.write('empty', '');
      expect((await store.readIfPresent('empty', { maxBytes: 0 }))?.length).toBe(0);
    });

    it('notifies of parts of large objects and of each object of a folder, and not of small writes', async () => {
      let parts = 0;
      const end = store.onTransfer(() => {
        parts += 1;
      });
      const partsOf = async (use: () => Promise<unknown>): Promise<number> => {
        parts = 0;
        await use();
        return parts;
      };
      const large = Buffer.alloc(80 * 2 ** 20, 'bone');
      expect(await partsOf(() => store.write('progress.json', '{}'))).toBe(0);
      expect(await partsOf(() => store.write('large', large))).toBeGreaterThanOrEqual(4);
      expect(await partsOf(() => store.read('large'))).toBeGreaterThanOrEqual(4);
      await store.remove('large');
      for (const name of ['1', '2', '3']) await writeFile(join(local, name), name);
      expect(await partsOf(() => store.publish(local, 'kept'))).toBeGreaterThanOrEqual(3);
      end();
      expect(await partsOf(() => store.publish(local, 'again'))).toBe(0);
    });

    it('overwrites the version that a tag names, and no other', async () => {
      expect(await store.writeIfUnchanged('a/b', 'over nothing', '"none"')).toBe('changed');
      const first = await store.writeIfUnchanged('a/b', 'one', undefined);
      expect(await store.writeIfUnchanged('a/b', 'as the first', undefined)).toBe('changed');
      if (first === 'changed') throw new Error('the first write was rejected');
      expect(await store.readIfChanged('a/b', first.tag)).toBe('unchanged');
      await store.write('a/b', 'another');
      expect(await store.writeIfUnchanged('a/b', 'two', first.tag)).toBe('changed');
      expect((await store.read('a/b')).toString()).toBe('another');
      const { tag } = await changed('a/b');
      expect(await store.writeIfUnchanged('a/b', 'three', tag)).toMatchObject({ tag: expect.any(String) });
      expect((await store.read('a/b')).toString()).toBe('three');
      await store.remove('a/b');
      expect(await store.writeIfUnchanged('a/b', 'four', tag)).toBe('changed');
      expect(await keys('')).toEqual([]);
    });

    it('lists the objects at or below a prefix, by whole path parts, sorted, with size and time', async () => {
      for (const key of ['a/c', 'a/b/2', 'a/b/1', 'ab/1', 'a/B', 'a-b']) await store.write(key, key);
      expect(await keys('')).toEqual(['a-b', 'a/B', 'a/b/1', 'a/b/2', 'a/c', 'ab/1']);
      expect(await keys('a')).toEqual(['a/B', 'a/b/1', 'a/b/2', 'a/c']);
      expect(await keys('a/c')).toEqual(['a/c']);
      expect(await keys('a/c/d')).toEqual([]);
      expect(await keys('none')).toEqual([]);
      const [object] = await store.list('ab');
      expect(object?.size).toBe(4);
      expect(object?.modifiedMs).toBeGreaterThan(1e12);
    });

    it('removes the objects at or below a prefix and no others, and accepts a prefix without objects', async () => {
      for (const key of ['a/1', 'a/b/2', 'ab/3']) await store.write(key, key);
      await store.remove('a');
      await store.remove('none/at/all');
      expect(await keys('')).toEqual(['ab/3']);
      await store.remove('ab/3');
      expect(await keys('')).toEqual([]);
    });

    it('checks out a prefix as a folder, and reports artifact-missing if there are no objects', async () => {
      await store.write('set/index.json', '{}');
      await store.write('set/images/1.u8', 'image');
      const folder = await store.checkout('set');
      expect(await readFile(join(folder, 'images/1.u8'), 'utf8')).toBe('image');
      await expect(store.checkout('other')).rejects.toMatchObject({ code: 'artifact-missing' });
    });

    it('checks out the current objects: without removed ones, with rewritten ones', async () => {
      for (const key of ['set/a', 'set/b', 'setting/c']) await store.write(key, 'one');
      const before = await store.checkout('set');
      expect((await readdir(before)).sort()).toEqual(['a', 'b']);
      await store.remove('set/a');
      await store.write('set/b', 'two');
      const after = await store.checkout('set');
      expect(await readdir(after)).toEqual(['b']);
      expect(await readFile(join(after, 'b'), 'utf8')).toBe('two');
      expect(await readFile(await store.checkout('set/b'), 'utf8')).toBe('two');
    });

    it('publishes a folder under a prefix and checks out the same files again', async () => {
      await mkdir(join(local, 'overlays'));
      await writeFile(join(local, 'report.html'), '<p>');
      await writeFile(join(local, 'overlays/1.png'), 'png');
      await store.publish(local, 'report');
      expect(await keys('report')).toEqual(['report/overlays/1.png', 'report/report.html']);
      expect(await readFile(join(await store.checkout('report'), 'overlays/1.png'), 'utf8')).toBe('png');
    });

    it.each(['', '/a', '../a', 'a/../b', 'a/./b', 'a//b', 'a/', '..', 'a\\b', 'a\0b', 'a\nb', 'a.partial-12-ab', `${'a/'.repeat(600)}a`])(
      'rejects the key %j and leaves nothing behind',
      async (key) => {
        await expect(store.write(key, 'x')).rejects.toMatchObject({ code: 'artifact-key-invalid' });
        await expect(store.writeIfUnchanged(key, 'x', undefined)).rejects.toMatchObject({ code: 'artifact-key-invalid' });
        await expect(store.read(key)).rejects.toMatchObject({ code: 'artifact-key-invalid' });
        await expect(store.readIfPresent(key)).rejects.toMatchObject({ code: 'artifact-key-invalid' });
        await expect(store.readIfChanged(key)).rejects.toMatchObject({ code: 'artifact-key-invalid' });
        if (key !== '') await expect(store.list(key)).rejects.toMatchObject({ code: 'artifact-key-invalid' });
        if (key !== '') await expect(store.remove(key)).rejects.toMatchObject({ code: 'artifact-key-invalid' });
        expect(await store.list('')).toEqual([]);
      },
    );

    it.each(['a b', 'ID001/image1661130828152_R.png', 'a.b/c-d_e', '손/骨', '%2e%2e', "a'b", '__proto__', '.hidden'])(
      'accepts the key %s',
      async (key) => {
        await store.write(key, key);
        expect((await store.read(key)).toString()).toBe(key);
        expect(await keys('')).toEqual([key]);
      },
    );
  });
}
