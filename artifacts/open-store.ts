import { resolve } from 'node:path';
import { openFolderStore } from './folder-store.ts';
import { openS3Store, type S3StoreOptions } from './s3-store.ts';
import type { ArtifactStore } from './store.ts';
import { storeFolder } from './store-folder.ts';

/**
 * The store that a URI names: a folder's path (relative: from the current folder), `file:///path` or `s3://bucket/prefix`.
 * Throws `artifact-store-unsupported` for any other kind. Touches nothing yet. The options are of no meaning to a folder.
 */
export function openStore(uri: string, options: S3StoreOptions = {}): ArtifactStore {
  const folder = storeFolder(uri);
  return folder === undefined ? openS3Store(uri, options) : openFolderStore(resolve(folder));
}
