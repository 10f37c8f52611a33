import { cpus } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds that the cores have spent since the machine began, all of them together. */
type CoreTime = { readonly busyMs: number; readonly allMs: number };

const LOOK_MS = 1000;
/** Above this the figures of a comparison are not those of a quiet machine. */
const QUIET_CORES = 0.25;

function coreTime(): CoreTime {
  let [idleMs, allMs] = [0, 0];
  for (const { times } of cpus()) {
    idleMs += times.idle;
    allMs += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  return { busyMs: allMs - idleMs, allMs };
}

/** How many of `cores` were busy between two looks; 0 where no time has passed. */
export function coresBusyBetween(before: CoreTime, after: CoreTime, cores: number): number {
  const allMs = after.allMs - before.allMs;
  return allMs > 0 ? (cores * (after.busyMs - before.busyMs)) / allMs : 0;
}

/**
 * How many cores other work keeps busy, looked at for a second in which this process does nothing. The load average would not tell: after a
 * benchmark it is mostly the benchmark's own.
 */
async function busyCores(): Promise<number> {
  const before = coreTime();
  await pause(LOOK_MS);
  return coresBusyBetween(before, coreTime(), cpus().length);
}

/** What `work` returns, and how many cores other work kept busy when it began or when it ended, whichever was more. */
export async function besideOtherWork<Result>(
  work: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly busyCores: number }> {
  const before = await busyCores();
  const result = await work();
  return { result, busyCores: Math.max(before, await busyCores()) };
}

/** What is to be said of figures taken while so many cores were busy with other work: nothing where they were quiet, or nobody looked. */
export function busyText(cores: number | undefined): string {
  return cores === undefined || cores <= QUIET_CORES ? '' : `${cores.toFixed(1)} cores busy`;
}
