import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode, writeError } from '@carpal/configs/file-errors.ts';

/**
 * Makes a folder and those above it; one that is there already is well. Throws `folder-unwritable` or `disk-full` where that is the reason.
 * `named` is the path that errors name, where that is a file for which the folder is made. Node's own recursive mkdir hides a read-only file system behind ENOENT, and never returns below /proc.
 */
export async function makeFolder(path: string, named: string = path): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = systemErrorCode(error);
    if (await isFolder(path)) return;
    if (code !== 'ENOENT') throw writeError(error, named);
    const parent = dirname(path);
    if (parent === path || (await isFolder(parent))) {
      throw new CarpalError('folder-unwritable', 'no folder can be made here', { where: named, cause: error });
    }
    await makeFolder(parent, named);
    await makeFolder(path, named);
  }
}

async function isFolder(path: string): Promise<boolean> {
  const entry = await stat(path).catch(() => undefined);
  return entry?.isDirectory() ?? false;
}
