import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemErrorCode, writeError } from '@carpal/configs/file-errors.ts';
import { makeFolder } from './make-folder.ts';
import { beginPartial, endPartial, sweepPartials } from './partial.ts';

/**
 * Writes a whole file so that it is there whole or not at all, even if the machine loses power: temporary name beside it, fsync, rename,
 * fsync of the folder. Parents are made. On failure the temporary file is taken away and the former file stays; throws `disk-full` or
 * `folder-unwritable` with the path where that is the reason.
 */
export async function writeFileAtomically(path: string, content: Uint8Array | string): Promise<void> {
  const folder = dirname(path);
  const partial = beginPartial(path);
  try {
    await makeFolder(folder, path);
    await sweepPartials(folder, Date.now());
    await writeAndSync(partial, content);
    await rename(partial, path);
    await syncFolder(folder);
  } catch (error) {
    throw writeError(error, path);
  } finally {
    await endPartial(partial);
  }
}

async function writeAndSync(path: string, content: Uint8Array | string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a rename last through a loss of power. Some file systems cannot sync a folder, which then has to be good enough. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EPERM', 'EISDIR'].includes(systemErrorCode(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}
