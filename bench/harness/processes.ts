import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { processUsage } from './process-usage.ts';

/** Memory and processor time of a process that has ended are gone, so they are looked at while it runs. */
const LOOK_MS = 20;

/** What a program took from its start to its end. */
export type WholeProcess = { readonly seconds: number; readonly cpuSeconds: number; readonly peakMb: number };

/** As `complete`, looking at the program while it runs. */
export async function wholeProcess([program = '', ...args]: readonly string[]): Promise<WholeProcess> {
  const startMs = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const closed = once(child, 'close');
  let [cpuSeconds, peakMb] = [0, 0];
  while (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    const usage = await processUsage(child.pid).catch(() => undefined);
    if (usage) [cpuSeconds, peakMb] = [Math.max(cpuSeconds, usage.cpuSeconds), Math.max(peakMb, usage.peakRssMb)];
    await Promise.race([closed, pause(LOOK_MS)]);
  }
  const [status] = await closed;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with status ${status}`);
  return { seconds: (performance.now() - startMs) / 1000, cpuSeconds, peakMb };
}

/** The words that run something on one core only. */
export function onOneCore(words: readonly string[]): readonly string[] {
  return ['taskset', '--cpu-list', '0', ...words];
}
