/** The identity of a process. A pid alone is not enough: the system may have given it to another process in the meantime. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

export type ProcessIdentity = {
  readonly pid: number;
  /** Clock ticks between boot and the start of the process; null on a system without /proc. */
  readonly startTicks: number | null;
  readonly bootId: string | null;
  readonly host: string;
};

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // No such process, or no /proc on this system. Both are valid answers.
    return undefined;
  }
}

const bootId = (): string | null => readText('/proc/sys/kernel/random/boot_id')?.trim() ?? null;

/** The state letter and start time of a live process (proc(5): fields 3 and 22, after the name, which may contain any character). */
function processStat(pid: number): { readonly state: string; readonly startTicks: number } | undefined {
  const text = readText(`/proc/${pid}/stat`);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields === undefined ? undefined : { state: fields[0] ?? '', startTicks: Number(fields[19]) };
}

/** The identity of a process that is alive now. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTicks: processStat(pid)?.startTicks ?? null, bootId: bootId(), host: hostname() };
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: the process is alive and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Whether exactly this process still runs on this machine. A process on another machine cannot be checked and counts as running. */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.host !== hostname()) return true;
  if (identity.bootId !== bootId()) return false;
  if (!answersSignals(identity.pid)) return false;
  if (identity.startTicks === null) return true;
  const stat = processStat(identity.pid);
  // A zombie has ended; only its parent has not waited for it yet.
  return stat !== undefined && stat.startTicks === identity.startTicks && stat.state !== 'Z' && stat.state !== 'X';
}
