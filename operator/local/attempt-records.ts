/**
 * What the work folder knows about the attempts of one run: a record and a log per attempt. A record is written before the process starts
 * and at each change, so a kill -9 loses nothing. Records are read once, kept in memory and written through; the work folder's lock makes
 * this process their only writer.
 */

import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { logLines } from '@carpal/artifacts/logs.ts';
import { makeFolder, writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import type { StageName } from '@carpal/configs/schema/progress.ts';
import type { StageRun } from '../experiment/observed.ts';
import type { ProcessIdentity } from './process-identity.ts';

export type AttemptRecord = {
  readonly name: string;
  readonly stage: StageName;
  readonly fold?: number;
  readonly attempt: number;
  readonly createdAt: string;
  /** Absent until the process exists. The process waits until this is written. */
  readonly process?: ProcessIdentity;
  readonly startedAt?: string;
  readonly stopRequestedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  /** The signal that ended the process, or the name of the error that prevented its start. */
  readonly reason?: string;
  readonly message?: string;
  /** The runner died before the attempt ended. How the attempt ended is unknown, and it uses no budget. */
  readonly orphaned?: boolean;
};

export type AttemptRecords = {
  all(): readonly AttemptRecord[];
  get(name: string): AttemptRecord | undefined;
  /** The record is in memory immediately, and on disk when the promise resolves. */
  put(record: AttemptRecord): Promise<void>;
  remove(name: string): Promise<void>;
};

/** Opens the records in a folder, which is created if needed. */
export async function openAttemptRecords(folder: string): Promise<AttemptRecords> {
  await makeFolder(folder);
  const records = new Map<string, AttemptRecord>();
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.json')) continue;
    const record = JSON.parse(await readFile(join(folder, file), 'utf8')) as AttemptRecord;
    records.set(record.name, record);
  }
  // Writes run one after the other: an older state must not overwrite a newer one.
  let lastWrite: Promise<unknown> = Promise.resolve();
  return {
    all: () => [...records.values()],
    get: (name) => records.get(name),
    async put(record) {
      records.set(record.name, record);
      const write = () => writeFileAtomically(join(folder, `${record.name}.json`), `${JSON.stringify(record, null, 2)}\n`);
      lastWrite = lastWrite.catch(() => undefined).then(write);
      await lastWrite;
    },
    async remove(name) {
      records.delete(name);
      await rm(join(folder, `${name}.json`), { force: true });
    },
  };
}

/** The attempt as the planner sees it. */
export function stageRunOf(record: AttemptRecord): StageRun {
  const { name, stage, fold, attempt, exitCode, reason, message, startedAt, finishedAt } = record;
  const ended = exitCode === 0 ? 'succeeded' : 'failed';
  const known = Object.fromEntries(
    Object.entries({ fold, exitCode, reason, message, startedAt, finishedAt }).filter(([, value]) => value !== undefined),
  );
  return {
    ...known,
    name,
    stage,
    attempt,
    state: finishedAt !== undefined ? ended : startedAt === undefined ? 'pending' : 'running',
    pendingSince: record.createdAt,
    ...(record.stopRequestedAt !== undefined || record.orphaned === true ? { stopRequested: true } : {}),
  };
}

/** The last readable lines of a log file; '' if there is no such file. Reads at most 16 KiB. */
export async function logTail(path: string, lines: number): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(size, 16_384);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return logLines(buffer.toString('utf8', 0, bytesRead))
      .slice(-lines)
      .join('\n');
  } finally {
    await file.close();
  }
}
