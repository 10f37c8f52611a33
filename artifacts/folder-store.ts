import type { Dirent } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode, withWriteErrors } from '@carpal/configs/file-errors.ts';
import { keyParts } from './key.ts';
import { partialOf } from './partial.ts';
import type { ArtifactStore, StoredObject } from './store.ts';
import { writeFileAtomically } from './write-file.ts';

/** A store in a folder of this machine; the key is the path below it. The folder is made by the first write. */
export function openFolderStore(root: string): ArtifactStore {
  const pathOf = (key: string): string => join(root, ...keyParts(key));
  const pathOfPrefix = (prefix: string): string => (prefix === '' ? root : pathOf(prefix));

  const readIfPresent = async (key: string): Promise<Buffer | undefined> => {
    const path = pathOf(key);
    try {
      return await readFile(path);
    } catch (error) {
      if (isAbsent(error) || systemErrorCode(error) === 'EISDIR') return undefined;
      throw new CarpalError('artifact-store-failed', `cannot read: ${systemErrorCode(error) ?? String(error)}`, {
        where: path,
        cause: error,
      });
    }
  };

  const list = async (prefix: string): Promise<StoredObject[]> => {
    const objects: StoredObject[] = [];
    await walk(pathOfPrefix(prefix), prefix, objects);
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
    async write(key, content) {
      await writeFileAtomically(pathOf(key), content);
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
      const files: StoredObject[] = [];
      await walk(localFolder, '', files);
      for (const { key } of files)
        await writeFileAtomically(pathOf(prefix === '' ? key : `${prefix}/${key}`), await readFile(join(localFolder, key)));
    },
  };
}

function isAbsent(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Adds every file at or below `path` to `objects` under `key`; writes under way and what vanishes meanwhile are left out. */
async function walk(path: string, key: string, objects: StoredObject[]): Promise<void> {
  let entries: Dirent[];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (systemErrorCode(error) === 'ENOTDIR') await addFile(path, key, objects);
    else if (!isAbsent(error))
      throw new CarpalError('artifact-store-failed', `cannot list: ${systemErrorCode(error) ?? String(error)}`, {
        where: path,
        cause: error,
      });
    return;
  }
  for (const entry of entries) {
    if (partialOf(entry.name) !== undefined) continue;
    const childKey = key === '' ? entry.name : `${key}/${entry.name}`;
    if (entry.isDirectory()) await walk(join(path, entry.name), childKey, objects);
    else if (entry.isFile()) await addFile(join(path, entry.name), childKey, objects);
  }
}

async function addFile(path: string, key: string, objects: StoredObject[]): Promise<void> {
  try {
    const { size, mtimeMs } = await stat(path);
    objects.push({ key, size, modifiedMs: mtimeMs });
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}
