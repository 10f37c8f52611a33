/**
 * Attempts as processes of this machine. Their records are in the work folder; attempt-records.ts and runner-watch.ts explain how they
 * survive kill -9.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stageErrorText } from '@carpal/artifacts/stage-error.ts';
import { makeFolder } from '@carpal/artifacts/write-file.ts';
import { withWriteErrors } from '@carpal/configs/file-errors.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import type { StageError } from '@carpal/configs/schema/progress.ts';
import type { PlannedStart } from '../experiment/next-starts.ts';
import type { Substrate } from '../experiment/substrate.ts';
import { type AttemptRecord, logTail, openAttemptRecords, stageRunOf } from './attempt-records.ts';
import { endOrphans, signalQuietly } from './orphans.ts';
import { identify } from './process-identity.ts';

const RUNNER_WATCH = fileURLToPath(new URL('./runner-watch.ts', import.meta.url));

export type ProcessSubstrateOptions = {
  /** Contains attempts/ and logs/. */
  readonly folder: string;
  /** The command of a stage, without node itself: `[cli.ts, 'fold', '--fold', '0', '--attempt', '1', …]`. */
  readonly stageCommand: (attempt: PlannedStart) => readonly string[];
  /** The error that the stage reported since then. */
  readonly reportedError: (key: StageKey, since: Date) => Promise<StageError | undefined>;
  /** Called when an attempt failed without having been asked to stop. True: the run is about to end, so the end uses no budget. */
  readonly endsRun: (failed: FailedAttempt) => boolean;
  /** Called when an attempt has begun or ended. */
  readonly onChange: () => void;
  /** How long a stage may take to stop before it is killed. */
  readonly graceMs: number;
  readonly now: () => Date;
  /** Called with a line for people about an attempt of a dead runner that still runs, or cannot be checked. */
  readonly notice: (line: string) => void;
};

/** `tail`: the last lines of its log. */
export type FailedAttempt = {
  readonly key: StageKey;
  readonly exitCode: number | undefined;
  readonly error: StageError | undefined;
  readonly tail: string;
  /** Whether other attempts run at this time. */
  readonly othersRun: boolean;
};

export type ProcessSubstrate = Substrate & {
  /** Attempts that a dead runner left open; they have been ended. */
  readonly orphans: readonly AttemptRecord[];
  logPath(name: string): string;
  /** Asks every running attempt to stop and returns when all have ended. Works even if nothing can be written. */
  stopAll(): Promise<void>;
  /** Kills every running attempt. */
  killAll(): void;
};

type Child = { readonly process: ChildProcess; readonly ended: Promise<void>; stopTimer?: NodeJS.Timeout };

const exitCodeOf = (code: number | null, signal: NodeJS.Signals | null): number =>
  code ?? 128 + (signal === null ? 0 : constants.signals[signal]);

/**
 * Opens the substrate: reads the records and ends the attempts that a dead runner left running. The caller holds the work folder's lock.
 */
export async function openProcessSubstrate(options: ProcessSubstrateOptions): Promise<ProcessSubstrate> {
  const { folder, now, graceMs, onChange } = options;
  const logs = join(folder, 'logs');
  await makeFolder(logs);
  const records = await openAttemptRecords(join(folder, 'attempts'));
  const orphans = await endOrphans(records, { graceMs, now, notice: options.notice });
  const children = new Map<string, Child>();
  const logPath = (name: string): string => join(logs, `${name}.log`);

  const recordEnd = async (name: string, end: Partial<AttemptRecord>): Promise<void> => {
    const record = records.get(name);
    if (record === undefined) return;
    const failed = end.exitCode !== 0 && record.stopRequestedAt === undefined;
    const since = new Date(record.startedAt ?? record.createdAt);
    const error = failed ? await options.reportedError(record, since) : undefined;
    // A log cannot explain a kill -9.
    const tail = failed && end.reason !== 'SIGKILL' ? await logTail(logPath(name), 12) : '';
    const message = error ? stageErrorText(error) : tail;
    const finishedAt = now().toISOString();
    const endsRun = failed && options.endsRun({ key: record, exitCode: end.exitCode, error, tail, othersRun: children.size > 1 });
    const ending = { ...(message === '' ? {} : { message }), ...(endsRun ? { stopRequestedAt: finishedAt } : {}) };
    await records.put({ ...record, ...end, finishedAt, ...ending });
  };

  /** Follows a child until it ends. If the record cannot be written it stays open, and the next runner ends it. */
  const follow = (name: string, child: ChildProcess): Child => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const followed: Child = { process: child, ended: promise };
    const end = (fields: Partial<AttemptRecord>): void => {
      clearTimeout(followed.stopTimer);
      recordEnd(name, fields)
        .catch(() => undefined)
        .finally(() => {
          children.delete(name);
          resolve();
          onChange();
        });
    };
    child.once('error', (error) => end({ exitCode: 127, reason: 'StartFailed', message: error.message }));
    child.once('exit', (code, signal) => {
      // Processes that the stage started must not continue to write.
      if (child.pid !== undefined) signalQuietly(-child.pid, 'SIGKILL');
      end({ exitCode: exitCodeOf(code, signal), ...(signal === null ? {} : { reason: signal }) });
    });
    return followed;
  };

  const askToStop = (child: Child): void => {
    child.process.kill('SIGTERM');
    child.stopTimer ??= setTimeout(() => killGroup(child), graceMs).unref();
  };

  return {
    orphans,
    logPath,
    observe: async () => records.all().map(stageRunOf),
    async start(attempt: PlannedStart) {
      if (records.get(attempt.name) !== undefined) return;
      const { again: _again, ...planned } = attempt;
      const record: AttemptRecord = { ...planned, createdAt: now().toISOString() };
      let log: FileHandle;
      try {
        await records.put(record);
        log = await withWriteErrors(logPath(attempt.name), () => open(logPath(attempt.name), 'a'));
      } catch (error) {
        // What has no record is started by the next try.
        await records.remove(attempt.name).catch(() => undefined);
        throw error;
      }
      const flags = ['--disable-warning=ExperimentalWarning', '--import', RUNNER_WATCH];
      const child = spawn(process.execPath, [...flags, ...options.stageCommand(attempt)], {
        // A process group of its own: Ctrl-C in the terminal reaches only the runner, which asks the stages to stop.
        detached: true,
        stdio: ['pipe', log.fd, log.fd],
      });
      children.set(attempt.name, follow(attempt.name, child));
      // A stage that dies immediately closes this pipe. Its exit code explains more than the pipe error.
      child.stdin?.on('error', () => undefined);
      try {
        if (child.pid === undefined) return;
        await records.put({ ...record, process: identify(child.pid), startedAt: now().toISOString() });
        child.stdin?.write('go\n');
      } catch (error) {
        // It is not recorded, so it must not begin, and its end uses no budget.
        await records.put({ ...record, stopRequestedAt: now().toISOString() }).catch(() => undefined);
        if (child.pid !== undefined) signalQuietly(-child.pid, 'SIGKILL');
        throw error;
      } finally {
        await log.close();
      }
      onChange();
    },
    async stop(name) {
      const record = records.get(name);
      const child = children.get(name);
      if (record === undefined || record.finishedAt !== undefined || child === undefined) return;
      await records.put({ ...record, stopRequestedAt: record.stopRequestedAt ?? now().toISOString() });
      askToStop(child);
    },
    async remove(name) {
      await records.remove(name);
    },
    async stopAll() {
      for (const [name, child] of children) {
        const record = records.get(name);
        if (record !== undefined && record.stopRequestedAt === undefined) {
          await records.put({ ...record, stopRequestedAt: now().toISOString() }).catch(() => undefined);
        }
        askToStop(child);
      }
      await Promise.all([...children.values()].map((child) => child.ended));
    },
    killAll() {
      for (const child of children.values()) killGroup(child);
    },
  };
}

function killGroup(child: Child): void {
  if (child.process.pid !== undefined) signalQuietly(-child.process.pid, 'SIGKILL');
}
