import { basename, dirname } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';

/**
 * The bytes of the file that model.pretrained.uri names: a path (relative: from the current folder), `file:///path` or `s3://bucket/key`.
 * Throws `weights-invalid` where there is none, and what the store throws.
 */
export async function readPretrained(uri: string): Promise<Uint8Array> {
  try {
    return await openStore(dirname(uri)).read(basename(uri));
  } catch (error) {
    if (!(error instanceof CarpalError && error.code === 'artifact-missing')) throw error;
    const fix = 'Give the path or the s3:// address of a safetensors file in model.pretrained.uri.';
    throw new CarpalError('weights-invalid', 'there is no such file', { where: uri, fix, cause: error });
  }
}
