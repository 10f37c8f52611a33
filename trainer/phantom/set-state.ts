import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';
import type { PhantomParameters } from './file-plan.ts';

/** Written last: a set that has it is whole. */
export const SET_FILE = 'phantom.json';
/** Written first, so that an interrupted set is known as one and can be gone on with. */
export const BEGUN_FILE = 'phantom.begun.json';

/** Raised when the same parameters give other files. */
const VERSION = 1;

/** The content of both files. */
export function describeSet({ people, testPeople, seed, size }: PhantomParameters): string {
  return `${JSON.stringify({ kind: 'carpal-phantom', version: VERSION, people, testPeople, seed, size }, null, 2)}\n`;
}

/**
 * Whether the folder is free for a set (`empty`: missing or with nothing in it), or holds exactly this set, `begun` or `whole`.
 * Throws `phantom-folder-taken` for anything else, which is never touched.
 */
export async function readSetState(folder: string, parameters: PhantomParameters): Promise<'empty' | 'begun' | 'whole'> {
  const names = await readdir(folder).catch((error: unknown): string[] => {
    if (systemErrorCode(error) === 'ENOENT') return [];
    if (systemErrorCode(error) === 'ENOTDIR')
      throw new CarpalError('phantom-folder-taken', 'this is a file, not a folder', { where: folder });
    throw error;
  });
  const expected = describeSet(parameters);
  for (const [file, state] of [
    [SET_FILE, 'whole'],
    [BEGUN_FILE, 'begun'],
  ] as const) {
    if (!names.includes(file)) continue;
    const found = await readFile(join(folder, file), 'utf8');
    if (found === expected) return state;
    throw new CarpalError('phantom-folder-taken', `the folder holds another phantom set: ${found.replaceAll(/\s+/g, ' ').trim()}`, {
      where: join(folder, file),
    });
  }
  // A kill between making the folder and naming the set leaves nothing but the name's own partial file.
  if (names.every((name) => name.startsWith(`${BEGUN_FILE}.partial-`))) return 'empty';
  throw new CarpalError('phantom-folder-taken', 'the folder holds files that are not a phantom set', { where: folder });
}
