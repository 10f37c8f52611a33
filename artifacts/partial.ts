/** Names of writes under way: `<name>.partial-<pid>-<random>`, beside what they will become. */
import { randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';

const PARTIAL = /\.partial-([0-9]+)-[0-9a-f]+$/;

const mine = new Set<string>();
const swept = new Set<string>();

/** The process that a partial name belongs to, or undefined for any other name. */
export function partialOf(name: string): { pid: number } | undefined {
  const pid = PARTIAL.exec(name)?.[1];
  return pid === undefined ? undefined : { pid: Number(pid) };
}

/** A name for a write to `path` that nobody else has; give it to {@link endPartial} when the write has ended. */
export function beginPartial(path: string): string {
  // Random, because a container that is started again has the process number it had before.
  const partial = `${path}.partial-${process.pid}-${randomBytes(6).toString('hex')}`;
  mine.add(partial);
  return partial;
}

/** Takes away what a failed write left under its partial name, if anything. */
export async function endPartial(partial: string): Promise<void> {
  mine.delete(partial);
  // A partial file that cannot be removed is not worth hiding the first error for.
  await rm(partial, { force: true }).catch(() => undefined);
}

/**
 * Removes what killed processes left unfinished in a folder, once for each folder and process: a checkpoint cut off by `kill -9` would
 * hold its room for ever. Each object has one writer at a time, so that the partial file of no living process is nobody's.
 */
export async function sweepPartials(folder: string): Promise<void> {
  if (swept.has(folder)) return;
  swept.add(folder);
  for (const name of await readdir(folder)) {
    const partial = partialOf(name);
    const path = join(folder, name);
    if (partial === undefined || mine.has(path)) continue;
    if (partial.pid === process.pid ? await isOlderThanThisProcess(path) : !isAlive(partial.pid)) await rm(path, { force: true });
  }
}

/** Whether a file was written before this process began. A younger one with our number is under way in another of our threads. */
async function isOlderThanThisProcess(path: string): Promise<boolean> {
  const beganMs = Date.now() - process.uptime() * 1000;
  const file = await stat(path).catch(() => undefined);
  return file !== undefined && file.mtimeMs < beganMs - 1000;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}
