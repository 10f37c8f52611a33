/** status.json of a run: the planner's status between two looks. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';

export async function readStatusFile(folder: string): Promise<ExperimentStatus | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'status.json'), 'utf8')) as ExperimentStatus;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export async function writeStatusFile(folder: string, status: ExperimentStatus): Promise<void> {
  await writeFileAtomically(join(folder, 'status.json'), `${JSON.stringify(status, null, 2)}\n`);
}
