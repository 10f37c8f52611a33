import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CarpalError } from '@carpal/configs/errors.ts';
import { openFolderStore } from './folder-store.ts';
import { openS3Store, type S3StoreOptions } from './s3-store.ts';
import type { ArtifactStore } from './store.ts';

/**
 * The store that a URI names: a folder's path (relative: from the current folder), `file:///path` or `s3://bucket/prefix`.
 * Throws `artifact-store-unsupported` for any other kind. Touches nothing yet. The options are of no meaning to a folder.
 */
export function openStore(uri: string, options: S3StoreOptions = {}): ArtifactStore {
  if (uri.trim() === '') throw new CarpalError('artifact-store-unsupported', 'the URI of the artifact store is empty');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase();
  if (scheme === undefined) return openFolderStore(resolve(uri));
  if (scheme === 's3') return openS3Store(uri, options);
  if (scheme !== 'file') throw new CarpalError('artifact-store-unsupported', `${scheme}:// stores are not offered`, { where: uri });
  try {
    return openFolderStore(fileURLToPath(uri));
  } catch (cause) {
    throw new CarpalError('artifact-store-unsupported', 'the file:// URI names no folder of this machine', { where: uri, cause });
  }
}
