import { readFileSync, statSync } from 'node:fs';
import { CarpalError } from './errors.ts';
import { systemErrorCode } from './file-errors.ts';

/** A manifest is some hundred lines; what is larger is another file. */
const MAX_BYTES = 256 * 1024;

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'no permission to read it',
  EPERM: 'no permission to read it',
  EISDIR: 'this is a folder',
};

/** The text of a manifest file. Throws `manifest-unreadable` for a file that is missing, a folder, over 256 KiB, or not UTF-8 text. */
export function readManifestText(file: string): string {
  const fail = (what: string, cause?: unknown): never => {
    throw new CarpalError('manifest-unreadable', what, { where: file, cause });
  };
  let bytes: Buffer;
  try {
    const { size } = statSync(file);
    if (size > MAX_BYTES) return fail(`it has ${size} bytes; a manifest has at most ${MAX_BYTES}`);
    bytes = readFileSync(file);
  } catch (error) {
    if (error instanceof CarpalError) throw error;
    const code = systemErrorCode(error);
    return fail(WORDS[code ?? ''] ?? `it cannot be read: ${code ?? String(error)}`, error);
  }
  if (bytes.includes(0)) return fail('it is not text');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    return fail('it is not UTF-8 text', error);
  }
}
