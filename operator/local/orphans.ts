/** Attempts whose runner died. They are ended before anything new may start, so that no fold has two writers. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttemptRecord, AttemptRecords } from './attempt-records.ts';
import { isAlive } from './process-identity.ts';

/**
 * An orphan is not a child of this process, and the system reports the end of a process only to its parent. Therefore orphans are polled.
 */
const POLL_EVERY_MS = 50;

/** Signals a process (or, if negative, a process group). Does nothing if it has ended. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function endOrphan(record: AttemptRecord, graceMs: number, onWaiting: (record: AttemptRecord) => void): Promise<void> {
  const identity = record.process;
  if (identity === undefined || !isAlive(identity)) return;
  onWaiting(record);
  signalQuietly(identity.pid, 'SIGTERM');
  for (let waitedMs = 0; waitedMs < graceMs && isAlive(identity); waitedMs += POLL_EVERY_MS) await sleep(POLL_EVERY_MS);
  while (isAlive(identity)) {
    signalQuietly(-identity.pid, 'SIGKILL');
    await sleep(POLL_EVERY_MS);
  }
}

/**
 * Ends every attempt that an earlier runner left open, with up to `graceMs` for a checkpoint, and records its end. Calls `onWaiting` for
 * those that still run.
 */
export async function endOrphans(
  records: AttemptRecords,
  graceMs: number,
  now: () => Date,
  onWaiting: (record: AttemptRecord) => void,
): Promise<readonly AttemptRecord[]> {
  const open = records.all().filter((record) => record.finishedAt === undefined);
  await Promise.all(open.map((record) => endOrphan(record, graceMs, onWaiting)));
  const ended = open.map((record): AttemptRecord => ({ ...record, finishedAt: now().toISOString(), orphaned: true }));
  for (const record of ended) await records.put(record);
  return ended;
}
