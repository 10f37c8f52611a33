import { CarpalError } from '@carpal/configs/errors.ts';
import { partialOf } from './partial.ts';

const MAX_KEY_BYTES = 1024;

/** The parts of a key. Throws `artifact-key-invalid` for a key that is empty, absolute, leaves the store, or has odd characters. */
export function keyParts(key: string): readonly string[] {
  const parts = key.split('/');
  const reason = invalidReason(key, parts);
  if (reason !== undefined)
    throw new CarpalError('artifact-key-invalid', `the store's key ${reason}`, { where: JSON.stringify(key.slice(0, 200)) });
  return parts;
}

function invalidReason(key: string, parts: readonly string[]): string | undefined {
  if (key === '') return 'is empty';
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `is longer than ${MAX_KEY_BYTES} bytes`;
  if (key.startsWith('/')) return 'is an absolute path';
  if (parts.some((part) => part === '')) return 'has an empty part';
  if (parts.some((part) => part === '.' || part === '..')) return 'has a "." or ".." part';
  // A backslash or a drive letter would be a path of its own elsewhere; control characters end names early.
  if (key.includes('\\') || [...key].some((character) => character < ' ' || character === '\x7f'))
    return 'has a backslash or a control character';
  if (parts.some((part) => partialOf(part) !== undefined)) return 'has the form of an unfinished write';
  return undefined;
}
