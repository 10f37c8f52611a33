import { readFileSync } from 'node:fs';

/** What a process holds now, the most it has held, and the part of what it holds that is no file's and so no other process's. */
type Figure = 'VmRSS' | 'VmHWM' | 'RssAnon';

/** A figure of a process in MB of 2^20 bytes; undefined where there is no such process, or no Linux to tell (proc_pid_status(5)). */
export function processMemoryMb(pid: number | 'self', figure: Figure): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = new RegExp(`^${figure}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
  } catch {
    return undefined;
  }
}

/** What this process keeps from one that it starts, in MB; all of its memory where the system does not tell which part is its own. */
export function heldMemoryMb(): number {
  return processMemoryMb('self', 'RssAnon') ?? process.memoryUsage.rss() / 2 ** 20;
}
