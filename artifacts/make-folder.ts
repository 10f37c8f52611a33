import { access, constants, mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode, writeError } from '@carpal/configs/file-errors.ts';

/**
 * Makes a folder and those above it; one that is there already is well, also one that another thread makes at the same time. Throws
 * `folder-unwritable` or `disk-full` where that is the reason. `named` is the path that errors name, where that is a file for which the folder
 * is made. Node's own recursive mkdir hides a read-only file system behind ENOENT, and never returns below /proc.
 */
export async function makeFolder(path: string, named: string = path): Promise<void> {
  const first = await tryToMake(path, named);
  if (first === undefined) return;
  const parent = dirname(path);
  if (parent !== path && !(await isFolder(parent))) await makeFolder(parent, named);
  // The folder above is there now, by this thread or another: what still says ENOENT is a file system that takes no folders.
  const second = await tryToMake(path, named);
  if (second !== undefined) throw new CarpalError('folder-unwritable', 'no folder can be made here', { where: named, cause: second });
}

/** Returns the error if the folder above is missing, nothing if the folder is there. */
async function tryToMake(path: string, named: string): Promise<unknown> {
  try {
    await mkdir(path);
    return undefined;
  } catch (error) {
    if (await isFolder(path)) return undefined;
    if (systemErrorCode(error) !== 'ENOENT') throw writeError(error, named);
    return error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  const entry = await stat(path).catch(() => undefined);
  return entry?.isDirectory() ?? false;
}

/**
 * Whether a folder that will be needed later can be made, told now: throws `folder-unwritable` where a file is in its place or above it, or
 * where nothing may be written. Makes nothing.
 */
export async function checkFolder(path: string): Promise<void> {
  let nearest = resolve(path);
  let entry = await stat(nearest).catch(() => undefined);
  while (entry === undefined && dirname(nearest) !== nearest) {
    nearest = dirname(nearest);
    entry = await stat(nearest).catch(() => undefined);
  }
  if (entry?.isDirectory() !== true) {
    throw new CarpalError('folder-unwritable', 'there is a file where a folder should be', { where: nearest });
  }
  await access(nearest, constants.W_OK | constants.X_OK).catch((error: unknown) => {
    throw writeError(error, path);
  });
}
