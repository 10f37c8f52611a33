import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withWriteErrors } from '@carpal/configs/file-errors.ts';

/**
 * Runs `work` with a new folder for temporary files, which is removed afterwards. Throws `disk-full` or `folder-unwritable` if that is why it
 * cannot be created.
 */
export async function withTemporaryFolder<T>(name: string, work: (folder: string) => Promise<T>): Promise<T> {
  const prefix = join(tmpdir(), `carpal-${name}-`);
  const folder = await withWriteErrors(tmpdir(), () => mkdtemp(prefix));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
