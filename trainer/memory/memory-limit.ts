/** How much memory this process may use: that of the machine, or less where it runs in a container or another control group. */
import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** `from`, in words, is whose memory it is. */
export type MemoryLimit = { readonly bytes: number; readonly from: string };

/** Version 1 of control groups writes "no limit" as a number near 2^63. */
const NO_LIMIT = 2 ** 60;

/** The folders of a process's groups below the root of a hierarchy: its own and every one above, whose limits hold for it too. */
function withParents(group: string): readonly string[] {
  const path = join('/', group);
  return path === '/' ? [path] : [path, ...withParents(dirname(path))];
}

/**
 * The files in which Linux tells the limits that hold for a process, by the text of its /proc/<pid>/cgroup: lines of
 * `<hierarchy>:<controllers>:<group>`, without controllers for version 2.
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

/** The bytes that such a file allows; undefined for none. */
export function parseLimit(text: string): number | undefined {
  const bytes = Number(text.trim());
  return text.trim() !== '' && Number.isFinite(bytes) && bytes > 0 && bytes < NO_LIMIT ? bytes : undefined;
}

/** The smallest of all limits. What a GPU has of its own is not in it, nor what other processes use already. `root` is where / is. */
export async function readMemoryLimit(root = '/', machineBytes = totalmem()): Promise<MemoryLimit> {
  const read = async (path: string): Promise<string> => await readFile(join(root, path), 'utf8').catch(() => '');
  const texts = await Promise.all(limitFiles(await read('/proc/self/cgroup')).map(read));
  const least = Math.min(...texts.map((text) => parseLimit(text) ?? Number.POSITIVE_INFINITY));
  return least < machineBytes ? { bytes: least, from: 'the control group' } : { bytes: machineBytes, from: 'the machine' };
}

/** The part of each of so many processes that need the same at the same time. */
export function sharedLimit({ bytes, from }: MemoryLimit, folds: number): MemoryLimit {
  return folds <= 1 ? { bytes, from } : { bytes: bytes / folds, from: `${from}, shared by ${folds} folds` };
}
