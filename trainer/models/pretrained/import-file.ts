import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { writeFileAtomically } from '@carpal/artifacts/write-file.ts';
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import { type ImportedWeights, type ImportOptions, importPublished } from './import-published.ts';

/** The largest published encoders have 1.5 GB; Node reads files of less than 2 GiB. */
const FILE_LIMIT = 2 * 2 ** 30 - 1;

/** What an import wrote. `sha256` is that of the published file, which publishers often name. */
export type ImportedFile = Omit<ImportedWeights, 'bytes'> & { readonly out: string; readonly sha256: string };

/**
 * Imports a published file (import-published.ts) to the file `out`, which is replaced if it exists. If an error is thrown, nothing is
 * written. Throws what importPublished and writeFileAtomically throw, and `weights-invalid` for a file that is missing or too large.
 */
export async function importWeightsFile(path: string, options: ImportOptions & { readonly out: string }): Promise<ImportedFile> {
  const file = await readPublished(path);
  const sha256 = createHash('sha256').update(file).digest('hex');
  const { bytes, ...imported } = importPublished(file, path, options);
  await writeFileAtomically(options.out, bytes);
  return { out: options.out, ...imported, sha256 };
}

async function readPublished(path: string): Promise<Buffer> {
  const unreadable = (cause: unknown): never => {
    throw new CarpalError('weights-invalid', `the file cannot be read: ${messageOf(cause)}`, {
      where: path,
      fix: 'Give the path of a published weights file.',
      cause,
    });
  };
  const entry = await stat(path).catch(unreadable);
  if (!entry.isFile()) throw new CarpalError('weights-invalid', 'it is not a file', { where: path });
  if (entry.size > FILE_LIMIT)
    throw new CarpalError('weights-invalid', `the file has ${entry.size} bytes; at most ${FILE_LIMIT} are read`, { where: path });
  return readFile(path).catch(unreadable);
}
