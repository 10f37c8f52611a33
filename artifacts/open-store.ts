import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CarpalError } from '@carpal/configs/errors.ts';
import { openFolderStore } from './folder-store.ts';
import { openS3Store, type S3StoreOptions } from './s3-store.ts';
import type { ArtifactStore } from './store.ts';

/**
 * Opens the store of a URI: the path of a folder (relative to the working directory), `file:///path` or `s3://bucket/prefix`. Throws
 * `artifact-store-unsupported` for any other URI. Does not access the store yet. Folder stores ignore the options.
 */
export function openStore(uri: string, options: S3StoreOptions = {}): ArtifactStore {
  const folder = storeFolder(uri);
  return folder === undefined ? openS3Store(uri, options) : openFolderStore(resolve(folder));
}

/**
 * The folder in the URI of an artifact store, as it is written (it may be relative), or undefined for `s3://bucket/prefix`. Throws
 * `artifact-store-unsupported` if the URI is not one of a store.
 */
export function storeFolder(uri: string): string | undefined {
  if (uri.trim() === '') throw new CarpalError('artifact-store-unsupported', 'the URI of the artifact store is empty');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase();
  if (scheme === undefined) return uri;
  if (scheme === 's3') return undefined;
  if (scheme !== 'file') throw new CarpalError('artifact-store-unsupported', `${scheme}:// stores are not supported`, { where: uri });
  try {
    return fileURLToPath(uri);
  } catch (cause) {
    throw new CarpalError('artifact-store-unsupported', 'the file:// URI does not name a folder on this machine', { where: uri, cause });
  }
}
