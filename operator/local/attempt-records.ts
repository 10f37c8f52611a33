/** The attempt records of one run: read once, kept in memory, written through. The work folder's lock makes this process the only writer. */

import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@carpal/artifacts/make-folder.ts';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import type { AttemptRecord } from './attempt-record.ts';

export type AttemptRecords = {
  all(): readonly AttemptRecord[];
  get(name: string): AttemptRecord | undefined;
  /** Remembered at once, and on disk when the promise resolves. */
  put(record: AttemptRecord): Promise<void>;
  remove(name: string): Promise<void>;
};

/** Opens the records in a folder, making it. */
export async function openAttemptRecords(folder: string): Promise<AttemptRecords> {
  await makeFolder(folder);
  const records = new Map<string, AttemptRecord>();
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.json')) continue;
    const record = JSON.parse(await readFile(join(folder, file), 'utf8')) as AttemptRecord;
    records.set(record.name, record);
  }
  // One after the other: an older state must not come to lie over a newer one.
  let lastWrite: Promise<void> = Promise.resolve();
  return {
    all: () => [...records.values()],
    get: (name) => records.get(name),
    async put(record) {
      records.set(record.name, record);
      const write = (): Promise<void> => writeFileAtomically(join(folder, `${record.name}.json`), `${JSON.stringify(record, null, 2)}\n`);
      lastWrite = lastWrite.catch(() => undefined).then(write);
      await lastWrite;
    },
    async remove(name) {
      records.delete(name);
      await rm(join(folder, `${name}.json`), { force: true });
    },
  };
}
