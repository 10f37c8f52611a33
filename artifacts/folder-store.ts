import type { BigIntStats, Dirent } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode, withWriteErrors } from '@carpal/configs/file-errors.ts';
import { type ArtifactStore, type ChangedRead, keyParts, type ReadLimit, type StoredObject, Transfers, tooLarge } from './store.ts';
import { PART_BYTES, partialOf, writeFileAtomically } from './write-file.ts';

/** A store in a local folder, where each key is a relative path. The first write creates the folder. */
export function openFolderStore(root: string): ArtifactStore {
  const pathOf = (key: string): string => join(root, ...keyParts(key));
  const transfers = new Transfers();
  const pathOfPrefix = (prefix: string): string => (prefix === '' ? root : pathOf(prefix));

  /** The result of `read` for the key's path, or undefined if the file does not exist. */
  const ifPresent = async <T>(key: string, read: (path: string) => Promise<T>): Promise<T | undefined> => {
    const path = pathOf(key);
    try {
      return await read(path);
    } catch (error) {
      if (isAbsent(error) || systemErrorCode(error) === 'EISDIR') return undefined;
      if (error instanceof CarpalError) throw error;
      throw new CarpalError('artifact-store-failed', `cannot read: ${systemErrorCode(error) ?? String(error)}`, {
        where: path,
        cause: error,
      });
    }
  };
  const readIfPresent = (key: string, limit: ReadLimit = {}): Promise<Buffer | undefined> =>
    ifPresent(key, async (path) => readOpened(path, async (file) => readLimited(file, path, limit, transfers.counter())));

  const list = async (prefix: string): Promise<StoredObject[]> => {
    const objects = await walkFiles(pathOfPrefix(prefix), prefix);
    // By code unit, as S3 sorts ASCII keys. The order of a locale differs between machines.
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
    readIfChanged: (key, tag, limit = {}) =>
      ifPresent(key, async (path) =>
        // Tag and content come from one open file, so they match even if another file is renamed over it during the read.
        readOpened<ChangedRead>(path, async (file) => {
          const found = tagOf(await file.stat({ bigint: true }));
          if (found === tag) return 'unchanged';
          return { content: await readLimited(file, path, limit, transfers.counter()), tag: found };
        }),
      ),
    async write(key, content) {
      await writeFileAtomically(pathOf(key), content, transfers.counter());
    },
    async writeIfUnchanged(key, content, tag) {
      const path = pathOf(key);
      if ((await ifPresent(key, tagAt)) !== tag) return 'changed';
      // The tag of what was written here, not of what is there now: another process may have replaced it at the same moment.
      return { tag: tagOf(await writeFileAtomically(path, content)) };
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
      for (const { key } of await walkFiles(localFolder, '')) {
        await writeFileAtomically(pathOf(prefix === '' ? key : `${prefix}/${key}`), await readFile(join(localFolder, key)));
        transfers.advance();
      }
    },
    onTransfer: transfers.on,
  };
}

const tagOf = ({ ino, size, mtimeNs }: BigIntStats): string => `${ino}-${size}-${mtimeNs}`;
const tagAt = async (path: string): Promise<string> => tagOf(await stat(path, { bigint: true }));

async function readOpened<T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, 'r');
  try {
    return await read(file);
  } finally {
    await file.close();
  }
}

/** The content of an open file. `onBytes` gets the number of bytes after each part of a large file. */
async function readLimited(file: FileHandle, path: string, { maxBytes }: ReadLimit, onBytes: (bytes: number) => void): Promise<Buffer> {
  const { size } = await file.stat();
  if (maxBytes !== undefined && size > maxBytes) throw tooLarge(maxBytes, path);
  if (size <= PART_BYTES) return file.readFile();
  const content = Buffer.allocUnsafe(size);
  let done = 0;
  while (done < size) {
    const { bytesRead } = await file.read(content, done, Math.min(PART_BYTES, size - done), done);
    if (bytesRead === 0) break;
    done += bytesRead;
    onBytes(done);
  }
  return content.subarray(0, done);
}

function isAbsent(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/**
 * Every file at or below `path`, with `key` and its relative path as key. Skips unfinished writes, and files that disappear during the
 * walk.
 */
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
