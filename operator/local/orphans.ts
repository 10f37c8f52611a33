/** Attempts whose runner died. They are ended before anything new may start, so that no fold has two writers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { AttemptRecord, AttemptRecords } from './attempt-records.ts';
import { isAlive, type ProcessIdentity, stateOf, whereIs } from './process-identity.ts';

/**
 * An orphan is not a child of this process, and the system reports the end of a process only to its parent. Therefore orphans are polled.
 */
const POLL_EVERY_MS = 50;
/** SIGKILL ends a process at once, unless the kernel waits for a device or a network drive on its behalf. */
const KILL_WAIT_MS = 10_000;

export type OrphanOptions = {
  /** How long an orphan may take to stop with a checkpoint before it is killed. */
  readonly graceMs: number;
  /** How long to wait for the end of a killed orphan. */
  readonly killWaitMs?: number;
  readonly now: () => Date;
  /** Called with a line for people about each orphan that still runs or cannot be checked. */
  readonly notice: (line: string) => void;
};

/** Signals a process (or, if negative, a process group). Does nothing if it has ended, or if it now belongs to another user. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM'))) throw error;
  }
}

/** Waits for the end of a process, at most `ms`. Returns whether it has ended. */
async function hasEndedWithin(identity: ProcessIdentity, ms: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < ms && isAlive(identity); waitedMs += POLL_EVERY_MS) await sleep(POLL_EVERY_MS);
  return !isAlive(identity);
}

/** Only a process that is proven to be the recorded one gets a signal: SIGTERM, and after the grace SIGKILL, each once. */
async function endOrphan({ name, process: identity }: AttemptRecord, options: OrphanOptions): Promise<void> {
  if (identity === undefined) return;
  const state = stateOf(identity);
  if (state === 'unknown') {
    options.notice(`${name} ran ${whereIs(identity)} and cannot be checked from here; it counts as ended, and no process gets a signal`);
  }
  if (state !== 'alive') return;
  options.notice(`${name} still runs without its runner; waiting for it to stop`);
  signalQuietly(identity.pid, 'SIGTERM');
  if (await hasEndedWithin(identity, options.graceMs)) return;
  signalQuietly(-identity.pid, 'SIGKILL');
  if (await hasEndedWithin(identity, options.killWaitMs ?? KILL_WAIT_MS)) return;
  throw new CarpalError('run-locked', `${name} still runs as process ${identity.pid} after SIGKILL`, {
    fix: 'It probably waits for a device or a network drive. Run the command again when the process has ended, or restart the machine.',
  });
}

/**
 * Ends every attempt that an earlier runner left open, and records its end. Throws `run-locked` if one does not end even when it is killed.
 */
export async function endOrphans(records: AttemptRecords, options: OrphanOptions): Promise<readonly AttemptRecord[]> {
  const open = records.all().filter((record) => record.finishedAt === undefined);
  await Promise.all(open.map((record) => endOrphan(record, options)));
  const ended = open.map((record): AttemptRecord => ({ ...record, finishedAt: options.now().toISOString(), orphaned: true }));
  for (const record of ended) await records.put(record);
  return ended;
}
