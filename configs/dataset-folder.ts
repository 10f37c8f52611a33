import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CarpalError } from './errors.ts';

/**
 * The absolute folder that a dataset.uri names: a path (relative: from `currentFolder`) or `file:///path`. Throws `dataset-missing` for a
 * kind of data set that cannot be opened on this machine. Does not look whether the folder is there.
 */
export function datasetFolder(uri: string, currentFolder: string = process.cwd()): string {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase();
  if (scheme === undefined) return resolve(currentFolder, uri);
  if (scheme === 'file' && URL.canParse(uri) && new URL(uri).host === '') return fileURLToPath(uri);
  throw new CarpalError('dataset-missing', `data sets at ${scheme}:// cannot be read here`, {
    where: uri,
    fix: 'Copy the data set to a folder and name that in dataset.uri.',
  });
}
