import { fileURLToPath } from 'node:url';
import { CarpalError } from '@carpal/configs/errors.ts';

/**
 * The folder that the URI of an artifact store names, as it is written (it may be relative); undefined for `s3://bucket/prefix`.
 * Throws `artifact-store-unsupported` for what names no store.
 */
export function storeFolder(uri: string): string | undefined {
  if (uri.trim() === '') throw new CarpalError('artifact-store-unsupported', 'the URI of the artifact store is empty');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase();
  if (scheme === undefined) return uri;
  if (scheme === 's3') return undefined;
  if (scheme !== 'file') throw new CarpalError('artifact-store-unsupported', `${scheme}:// stores are not offered`, { where: uri });
  try {
    return fileURLToPath(uri);
  } catch (cause) {
    throw new CarpalError('artifact-store-unsupported', 'the file:// URI names no folder of this machine', { where: uri, cause });
  }
}
