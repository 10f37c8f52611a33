/** Names of writes under way: `<name>.partial-<pid>-<machine><random>`, beside what they will become. */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';

const PARTIAL = /\.partial-([0-9]+)-([0-9a-f]+)$/;
/** Machines and pods that share a folder do not see each other's processes. */
const MACHINE = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
/** A write on another machine that has not moved for so long has been given up. */
const ABANDONED_MS = 10 * 60_000;

const mine = new Set<string>();
const swept = new Set<string>();

/** The process that a partial name belongs to, and whether it is one of this machine; undefined for any other name. */
export function partialOf(name: string): { readonly pid: number; readonly isLocal: boolean } | undefined {
  const [, pid, rest = ''] = PARTIAL.exec(name) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), isLocal: rest.startsWith(MACHINE) };
}

/** A name for a write to `path` that nobody else has; give it to {@link endPartial} when the write has ended. */
export function beginPartial(path: string): string {
  // Random, because a container that is started again has the process number it had before.
  const partial = `${path}.partial-${process.pid}-${MACHINE}${randomBytes(6).toString('hex')}`;
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
 * hold its room for ever. Each object has one writer at a time, so that the partial file of no living process is nobody's. `nowMs` is the
 * time, in milliseconds since 1970.
 */
export async function sweepPartials(folder: string, nowMs: number): Promise<void> {
  if (swept.has(folder)) return;
  swept.add(folder);
  for (const name of await readdir(folder)) {
    const partial = partialOf(name);
    const path = join(folder, name);
    if (partial !== undefined && !mine.has(path) && (await isLeft(partial, path, nowMs))) await rm(path, { force: true });
  }
}

async function isLeft({ pid, isLocal }: { pid: number; isLocal: boolean }, path: string, nowMs: number): Promise<boolean> {
  if (isLocal && pid !== process.pid) return !isAlive(pid);
  const file = await stat(path).catch(() => undefined);
  if (file === undefined) return false;
  // A younger one with our number is under way in another of our threads.
  const beganMs = nowMs - process.uptime() * 1000;
  return file.mtimeMs < (isLocal ? beganMs - 1000 : nowMs - ABANDONED_MS);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}
