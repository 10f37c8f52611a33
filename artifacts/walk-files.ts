import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';
import { partialOf } from './partial.ts';
import type { StoredObject } from './store.ts';

/** Whether a system error says that there is no such file. */
export function isAbsent(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Every file at or below `path`, each under `key` and its path below; writes under way and what vanishes meanwhile are left out. */
export async function walkFiles(path: string, key: string): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  await walk(path, key, objects);
  return objects;
}

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
