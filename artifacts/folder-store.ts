import type { BigIntStats } from 'node:fs';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode, withWriteErrors } from '@carpal/configs/file-errors.ts';
import { keyParts } from './key.ts';
import type { ArtifactStore, ChangedRead, StoredObject } from './store.ts';
import { isAbsent, walkFiles } from './walk-files.ts';
import { writeFileAtomically } from './write-file.ts';

/** A store in a folder of this machine; the key is the path below it. The folder is made by the first write. */
export function openFolderStore(root: string): ArtifactStore {
  const pathOf = (key: string): string => join(root, ...keyParts(key));
  const pathOfPrefix = (prefix: string): string => (prefix === '' ? root : pathOf(prefix));

  /** What `read` makes of the key's path, or undefined where there is no such file. */
  const ifPresent = async <T>(key: string, read: (path: string) => Promise<T>): Promise<T | undefined> => {
    const path = pathOf(key);
    try {
      return await read(path);
    } catch (error) {
      if (isAbsent(error) || systemErrorCode(error) === 'EISDIR') return undefined;
      throw new CarpalError('artifact-store-failed', `cannot read: ${systemErrorCode(error) ?? String(error)}`, {
        where: path,
        cause: error,
      });
    }
  };
  const readIfPresent = (key: string): Promise<Buffer | undefined> => ifPresent(key, async (path) => readFile(path));

  const list = async (prefix: string): Promise<StoredObject[]> => {
    const objects = await walkFiles(pathOfPrefix(prefix), prefix);
    // By code unit, as S3 sorts ASCII keys; the order of a locale differs from machine to machine.
    return objects.sort((a, b) => (a.key < b.key ? -1 : 1));
  };

  return {
    uri: root,
    readIfPresent,
    async read(key) {
      const content = await readIfPresent(key);
      if (content === undefined) throw new CarpalError('artifact-missing', `the store has no ${key}`, { where: pathOf(key) });
      return content;
    },
    readIfChanged: (key, tag) => ifPresent(key, async (path) => readChanged(path, tag)),
    async write(key, content) {
      await writeFileAtomically(pathOf(key), content);
    },
    async writeIfUnchanged(key, content, tag) {
      const path = pathOf(key);
      if ((await ifPresent(key, tagAt)) !== tag) return 'changed';
      await writeFileAtomically(path, content);
      return { tag: await tagAt(path) };
    },
    list,
    async remove(prefix) {
      const path = pathOfPrefix(prefix);
      await withWriteErrors(path, async () => rm(path, { recursive: true, force: true }));
    },
    async checkout(prefix) {
      if ((await list(prefix)).length === 0) {
        throw new CarpalError('artifact-missing', `the store has nothing under ${prefix === '' ? 'its root' : prefix}`, {
          where: pathOfPrefix(prefix),
        });
      }
      return pathOfPrefix(prefix);
    },
    async publish(localFolder, prefix) {
      for (const { key } of await walkFiles(localFolder, ''))
        await writeFileAtomically(pathOf(prefix === '' ? key : `${prefix}/${key}`), await readFile(join(localFolder, key)));
    },
  };
}

const tagOf = ({ ino, size, mtimeNs }: BigIntStats): string => `${ino}-${size}-${mtimeNs}`;
const tagAt = async (path: string): Promise<string> => tagOf(await stat(path, { bigint: true }));

/** Tag and content come from one open file, so that they belong together whatever is renamed into its place meanwhile. */
async function readChanged(path: string, tag: string | undefined): Promise<ChangedRead> {
  const file = await open(path, 'r');
  try {
    const found = tagOf(await file.stat({ bigint: true }));
    return found === tag ? 'unchanged' : { content: await file.readFile(), tag: found };
  } finally {
    await file.close();
  }
}
