import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CarpalError } from './errors.ts';

/** The scheme of a URI such as `s3://bucket/hands`, in lower case; undefined for a path. */
export function uriScheme(uri: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase();
}

/**
 * The absolute path of the folder in a dataset.uri: a path (relative to `currentFolder`) or `file:///path`. Throws `dataset-missing` for a
 * data set that is not on this machine. Does not check that the folder exists.
 */
export function datasetFolder(uri: string, currentFolder: string = process.cwd()): string {
  const scheme = uriScheme(uri);
  if (scheme === undefined) return resolve(currentFolder, uri);
  if (scheme === 'file' && URL.canParse(uri) && new URL(uri).host === '') return fileURLToPath(uri);
  throw new CarpalError('dataset-missing', `data sets at ${scheme}:// cannot be read here`, {
    where: uri,
    fix: 'Copy the data set to a folder and write its path in dataset.uri.',
  });
}
