/** Programs that a case starts: workers, `carpal` itself, and what a process uses. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Figure } from './figure.ts';

const run = promisify(execFile);

/** The command that starts carpal as its own process. */
export const CARPAL: readonly string[] = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  join(import.meta.dirname, '../../cli.ts'),
];

/** Runs a program of bench/workers in its own process, so that memory and threads are its own, and returns the JSON that it prints. */
export async function runWorker<Found = Figure>(worker: string, request: object): Promise<Found> {
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, '../workers', worker), JSON.stringify(request)]);
  return JSON.parse(stdout) as Found;
}

/** Runs a command to its end and discards its output. Throws unless it exits with 0. */
export async function complete([program = '', ...args]: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with status ${status}`);
}

export type ProcessUsage = {
  /** CPU time of all threads since the process started. */
  readonly cpuSeconds: number;
  readonly rssMb: number;
  readonly peakRssMb: number;
};

/** Kernel ticks per second, as Linux reports them to user space on every architecture that Node supports. */
const TICKS = 100;

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
}

/** Reads /proc/<pid>. Rejects if the process has ended. */
export async function processUsage(pid: number): Promise<ProcessUsage> {
  const [stat, status] = await Promise.all([readFile(`/proc/${pid}/stat`, 'utf8'), readFile(`/proc/${pid}/status`, 'utf8')]);
  // The program's name is in parentheses and may contain any character. The fields after it are numbered from 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[14 - 3]) + Number(fields[15 - 3]);
  return { cpuSeconds: ticks / TICKS, rssMb: kilobytes(status, 'VmRSS') / 1024, peakRssMb: kilobytes(status, 'VmHWM') / 1024 };
}

/** The usage of a process is gone when it ends, so it is sampled while the process runs. */
const SAMPLE_MS = 20;

/** What a command used from its start to its end. */
export type WholeProcess = { readonly seconds: number; readonly cpuSeconds: number; readonly peakMb: number };

/** Runs a command to its end as `complete` does, and samples its usage. */
export async function wholeProcess([program = '', ...args]: readonly string[]): Promise<WholeProcess> {
  const startMs = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const closed = once(child, 'close');
  let [cpuSeconds, peakMb] = [0, 0];
  while (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    const usage = await processUsage(child.pid).catch(() => undefined);
    if (usage) [cpuSeconds, peakMb] = [Math.max(cpuSeconds, usage.cpuSeconds), Math.max(peakMb, usage.peakRssMb)];
    await Promise.race([closed, pause(SAMPLE_MS)]);
  }
  const [status] = await closed;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with status ${status}`);
  return { seconds: (performance.now() - startMs) / 1000, cpuSeconds, peakMb };
}

/** The command, bound to one core. */
export function onOneCore(command: readonly string[]): readonly string[] {
  return ['taskset', '--cpu-list', '0', ...command];
}
