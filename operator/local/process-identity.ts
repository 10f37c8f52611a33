/**
 * The identity of a process, and what is known about it from here. A work folder can be copied to another machine, be on a shared drive, or
 * be mounted into a container, so a pid in it may belong to any process here. A process is signalled only if it is proven to be the
 * recorded one.
 *
 * - The boot ID is random and new at every start of a kernel. If it is equal, the machine is the same, even if its hostname has changed.
 * - Containers on one machine have the same boot ID, and each counts its pids from 1. Therefore the PID namespace is compared as well.
 * - The machine ID survives a restart, but images of containers may contain a copy. Outside containers, an equal machine ID and hostname
 *   with another boot ID mean that this machine has restarted.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Where a process runs. null: this system does not have it. */
export type Place = {
  readonly host: string;
  readonly machineId: string | null;
  readonly bootId: string | null;
  readonly pidNamespace: string | null;
};

export type ProcessIdentity = Place & {
  readonly pid: number;
  /** Clock ticks between boot and the start of the process. null: this system has no /proc, or the process had ended. */
  readonly startTicks: number | null;
};

/** The namespace of processes outside containers has the same number on every machine (PROC_PID_INIT_INO of Linux). */
const OUTSIDE_CONTAINERS = 'pid:[4026531836]';

function known(read: () => string): string | null {
  try {
    const text = read().trim();
    return text === '' ? null : text;
  } catch {
    // No such process, or no such file on this system. Both are valid answers.
    return null;
  }
}

const readText = (path: string): string | null => known(() => readFileSync(path, 'utf8'));

/** The place of this process. */
function here(): Place {
  return {
    host: hostname(),
    machineId: readText('/etc/machine-id'),
    bootId: readText('/proc/sys/kernel/random/boot_id'),
    pidNamespace: known(() => readlinkSync('/proc/self/ns/pid')),
  };
}

/** The state letter and start time of a live process (proc(5): fields 3 and 22, after the name, which may contain any character). */
function processStat(pid: number): { readonly state: string; readonly startTicks: number } | undefined {
  const text = readText(`/proc/${pid}/stat`);
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields === undefined ? undefined : { state: fields[0] ?? '', startTicks: Number(fields[19]) };
}

/** The identity of a process that is alive now. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTicks: processStat(pid)?.startTicks ?? null, ...here() };
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

/** `alive`: exactly this process runs here. `ended`: it no longer runs anywhere. `unknown`: this cannot be found out from here. */
export type ProcessState = 'alive' | 'ended' | 'unknown';

/** What is known here about a recorded process. Only an `alive` one may be signalled. */
export function stateOf(identity: ProcessIdentity, place: Place = here()): ProcessState {
  if (place.bootId === null || identity.bootId === null) return stateWithoutProc(identity, place);
  if (identity.bootId !== place.bootId) return isBeforeRestart(identity, place) ? 'ended' : 'unknown';
  if (identity.pidNamespace !== place.pidNamespace) return 'unknown';
  const stat = answersSignals(identity.pid) ? processStat(identity.pid) : undefined;
  if (stat === undefined || stat.startTicks !== identity.startTicks) return 'ended';
  // A zombie has ended; only its parent has not waited for it yet.
  return stat.state === 'Z' || stat.state === 'X' ? 'ended' : 'alive';
}

/** A pid that no process has is proof of an end. A pid that a process has proves nothing. */
function stateWithoutProc(identity: ProcessIdentity, place: Place): ProcessState {
  const isHere = identity.bootId === place.bootId && identity.host === place.host;
  return isHere && !answersSignals(identity.pid) ? 'ended' : 'unknown';
}

function isBeforeRestart(identity: Place, place: Place): boolean {
  const isOutside = identity.pidNamespace === OUTSIDE_CONTAINERS && place.pidNamespace === OUTSIDE_CONTAINERS;
  return isOutside && identity.machineId !== null && identity.machineId === place.machineId && identity.host === place.host;
}

/** Whether exactly this process is known to run here. */
export function isAlive(identity: ProcessIdentity): boolean {
  return stateOf(identity) === 'alive';
}

const isSameKernel = (a: Place, b: Place): boolean => a.bootId !== null && a.bootId === b.bootId;

/** The former hostname of this machine, if the process ran on this machine when it had another one. */
export function formerHostname(identity: ProcessIdentity, place: Place = here()): string | undefined {
  const isHere = isSameKernel(identity, place) && identity.pidNamespace === place.pidNamespace;
  return isHere && identity.host !== place.host ? identity.host : undefined;
}

/** Where the process runs, for people: `on host gpu-1`, or `in another container on this machine`. '' if that is here. */
export function whereIs(identity: ProcessIdentity, place: Place = here()): string {
  const isSameMachine = isSameKernel(identity, place) || (identity.bootId === place.bootId && identity.host === place.host);
  if (!isSameMachine) return `on host ${identity.host}`;
  return identity.pidNamespace === place.pidNamespace ? '' : `in another container on this machine (${identity.host})`;
}
