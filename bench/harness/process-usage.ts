/** What a process of this machine has used, as Linux tells in /proc. */
import { readFile } from 'node:fs/promises';

export type ProcessUsage = {
  /** Of all its threads since it began. */
  readonly cpuSeconds: number;
  readonly rssMb: number;
  readonly peakRssMb: number;
};

/** Ticks of the kernel in a second, as it tells user space on every architecture that Node runs on. */
const TICKS = 100;

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
}

/** Reads /proc/<pid>. Rejects where the process is gone. */
export async function processUsage(pid: number): Promise<ProcessUsage> {
  const [stat, status] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(`/proc/${pid}/status`, 'utf8')]);
  // The name of the program is in brackets and may hold anything; the fields after it are counted from 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[14 - 3]) + Number(fields[15 - 3]);
  return { cpuSeconds: ticks / TICKS, rssMb: kilobytes(status, 'VmRSS') / 1024, peakRssMb: kilobytes(status, 'VmHWM') / 1024 };
}
