/** Atomic writes to the local disk: whole files, the folders they need, and the temporary names of unfinished writes. */
import { createHash, randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { access, constants, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode, writeError } from '@carpal/configs/file-errors.ts';

/**
 * Writes a file that is either complete or absent, even after a power failure: temporary name next to the target, fsync, rename, fsync of
 * the folder. Creates parent folders. On failure the temporary file is removed and an existing file stays as it is. Throws `disk-full` or
 * `folder-unwritable` with the path if that is the reason. `onBytes` gets the number of bytes after each part of a large content. Returns
 * the inode, size and modification time of exactly this content, even if another process has replaced the file since.
 */
export async function writeFileAtomically(
  path: string,
  content: Uint8Array | string,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<BigIntStats> {
  const folder = dirname(path);
  const partial = beginPartial(path);
  try {
    await makeFolder(folder, path);
    await sweepPartials(folder, Date.now());
    const written = await writeAndSync(partial, content, onBytes);
    await rename(partial, path);
    await syncFolder(folder);
    return written;
  } catch (error) {
    throw writeError(error, path);
  } finally {
    await endPartial(partial);
  }
}

/** Large files are written and read in parts of this size. */
export const PART_BYTES = 16 * 2 ** 20;

async function writeAndSync(path: string, content: Uint8Array | string, onBytes: (bytes: number) => void): Promise<BigIntStats> {
  const file = await open(path, 'wx');
  try {
    if (typeof content === 'string' || content.byteLength <= PART_BYTES) await file.writeFile(content);
    else {
      for (let from = 0; from < content.byteLength; from += PART_BYTES) {
        const part = content.subarray(from, from + PART_BYTES);
        await file.writeFile(part);
        // Each part is on the disk before it counts as progress: the page cache accepts gigabytes at once.
        await file.datasync();
        onBytes(from + part.byteLength);
      }
    }
    await file.sync();
    return await file.stat({ bigint: true });
  } finally {
    await file.close();
  }
}

/** Makes a rename survive a power failure. Some file systems cannot sync a folder; there, only the rename is done. */
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

/**
 * Creates a folder and its parents. A folder that already exists is not an error, even if another thread creates it at the same time.
 * Throws `folder-unwritable` or `disk-full` if that is the reason. Errors name `named`, which may be the file that needs the folder. Node's
 * own recursive mkdir is not used: it reports a read-only file system as ENOENT, and it never returns below /proc.
 */
export async function makeFolder(path: string, named: string = path): Promise<void> {
  const first = await tryToMake(path, named);
  if (first === undefined) return;
  const parent = dirname(path);
  if (parent !== path && !(await isFolder(parent))) await makeFolder(parent, named);
  // The parent exists now, so a second ENOENT means that the file system does not allow folders here.
  const second = await tryToMake(path, named);
  if (second !== undefined) throw new CarpalError('folder-unwritable', 'folders cannot be created here', { where: named, cause: second });
}

/** Returns the error if the parent is missing, undefined if the folder exists now. */
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
 * Checks in advance that a folder can be created, without creating it. Throws `folder-unwritable` if a file is in its place or above it, or
 * if there is no permission to write.
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

/** `<name>.partial-<pid>-<machine><random>`, in the same folder as the target. */
const PARTIAL = /\.partial-([0-9]+)-([0-9a-f]+)$/;
/** Machines and pods that share a folder cannot see each other's processes. */
const MACHINE = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
/** A write on another machine whose file has not changed for this long is considered abandoned. */
const ABANDONED_MS = 10 * 60_000;

const mine = new Set<string>();
const swept = new Set<string>();

/** The process that a partial name belongs to, and whether it runs on this machine; undefined for any other name. */
export function partialOf(name: string): { readonly pid: number; readonly isLocal: boolean } | undefined {
  const [, pid, rest = ''] = PARTIAL.exec(name) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), isLocal: rest.startsWith(MACHINE) };
}

/** A unique temporary name for a write to `path`. Pass it to {@link endPartial} when the write has ended. */
export function beginPartial(path: string): string {
  // Random, because a restarted container has the same process id as before.
  const partial = `${path}.partial-${process.pid}-${MACHINE}${randomBytes(6).toString('hex')}`;
  mine.add(partial);
  return partial;
}

/** Removes the partial file that a failed write left, if it exists. */
export async function endPartial(partial: string): Promise<void> {
  mine.delete(partial);
  // Failing to remove a partial file must not hide the error of the write.
  await rm(partial, { force: true }).catch(() => undefined);
}

/**
 * Removes unfinished files that killed processes left in a folder, once per folder and process: otherwise a checkpoint interrupted by
 * `kill -9` would occupy space forever. Each object has only one writer at a time, so a partial file whose process has ended is
 * unused. `nowMs` is the time in milliseconds since 1970.
 */
export async function sweepPartials(folder: string, nowMs: number): Promise<void> {
  if (swept.has(folder)) return;
  swept.add(folder);
  for (const name of await readdir(folder)) {
    const partial = partialOf(name);
    const path = join(folder, name);
    if (partial !== undefined && !mine.has(path) && (await isAbandoned(partial, path, nowMs))) await rm(path, { force: true });
  }
}

async function isAbandoned({ pid, isLocal }: { pid: number; isLocal: boolean }, path: string, nowMs: number): Promise<boolean> {
  if (isLocal && pid !== process.pid) return !isAlive(pid);
  const file = await stat(path).catch(() => undefined);
  if (file === undefined) return false;
  // A younger file with our process id belongs to another of our threads.
  const startedMs = nowMs - process.uptime() * 1000;
  return file.mtimeMs < (isLocal ? startedMs - 1000 : nowMs - ABANDONED_MS);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}
