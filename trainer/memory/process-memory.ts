/** How much memory a process may use, how much it uses, and how to recognise that it ran out. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** A memory limit and what sets it, as a phrase: 'the machine', 'the control group'. */
export type MemoryLimit = { readonly bytes: number; readonly from: string };

/** Control groups version 1 report "no limit" as a number near 2^63. */
const NO_LIMIT = 2 ** 60;

/**
 * The limit of this process: the smallest one of the machine, of its control group and of all groups above. Does not include GPU memory,
 * and does not subtract what other processes use. `root` is the root of the file system.
 */
export async function readMemoryLimit(root = '/', machineBytes = totalmem()): Promise<MemoryLimit> {
  const read = async (path: string): Promise<string> => await readFile(join(root, path), 'utf8').catch(() => '');
  const texts = await Promise.all(limitFiles(await read('/proc/self/cgroup')).map(read));
  const least = Math.min(...texts.map((text) => parseLimit(text) ?? Number.POSITIVE_INFINITY));
  return least < machineBytes ? { bytes: least, from: 'the control group' } : { bytes: machineBytes, from: 'the machine' };
}

/** The limit of each of `folds` processes that run at the same time and need the same amount. */
export function sharedLimit({ bytes, from }: MemoryLimit, folds: number): MemoryLimit {
  return folds <= 1 ? { bytes, from } : { bytes: bytes / folds, from: `${from}, shared by ${folds} folds` };
}

/**
 * The files that hold a process's memory limits, from the text of its /proc/<pid>/cgroup. Each line is `<hierarchy>:<controllers>:<group>`.
 * Version 2 has no controllers.
 */
export function limitFiles(groups: string): readonly string[] {
  return groups.split('\n').flatMap((line) => {
    const [hierarchy, controllers, ...rest] = line.split(':');
    const group = rest.join(':');
    if (hierarchy === '0' && controllers === '') return withParents(group).map((at) => join('/sys/fs/cgroup', at, 'memory.max'));
    if (!controllers?.split(',').includes('memory')) return [];
    return withParents(group).map((at) => join('/sys/fs/cgroup/memory', at, 'memory.limit_in_bytes'));
  });
}

/** A group's folder and the folders of all groups above it, whose limits apply too. */
function withParents(group: string): readonly string[] {
  const path = join('/', group);
  return path === '/' ? [path] : [path, ...withParents(dirname(path))];
}

/** The bytes in a limit file, or undefined for no limit. */
export function parseLimit(text: string): number | undefined {
  const bytes = Number(text.trim());
  return text.trim() !== '' && Number.isFinite(bytes) && bytes > 0 && bytes < NO_LIMIT ? bytes : undefined;
}

/** Resident memory now, its peak, and the part that is not backed by files and so not shared with other processes. */
type Figure = 'VmRSS' | 'VmHWM' | 'RssAnon';

/**
 * A memory figure of a process in MB of 2^20 bytes. Undefined if the process does not exist or the system is not Linux
 * (proc_pid_status(5)).
 */
export function processMemoryMb(pid: number | 'self', figure: Figure): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = new RegExp(`^${figure}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
  } catch {
    return undefined;
  }
}

/** The memory of this process in MB that a child process cannot share. All resident memory if the system does not report that part. */
export function heldMemoryMb(): number {
  return processMemoryMb('self', 'RssAnon') ?? process.memoryUsage.rss() / 2 ** 20;
}

/**
 * What TensorFlow (ResourceExhausted), the C++ library (bad_alloc, which ends the process), V8 and its array buffers report when memory
 * runs out.
 */
const OUT_OF_MEMORY =
  /OOM when allocating|Resource ?exhausted|RESOURCE_EXHAUSTED|std::bad_alloc|Array buffer allocation failed|heap out of memory|Cannot allocate memory|CUDA_ERROR_OUT_OF_MEMORY/i;

/** Whether an error, or the last output of a process, reports that memory ran out. */
export function isAllocationFailure(error: unknown): boolean {
  if (error instanceof Error) return OUT_OF_MEMORY.test(error.message) || isAllocationFailure(error.cause);
  return typeof error === 'string' && OUT_OF_MEMORY.test(error);
}
