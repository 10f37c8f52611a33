import { CarpalError } from './errors.ts';

/** Node's error codes that a user can do something about. Other errors are not changed. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);
const UNWRITABLE: Readonly<Record<string, string>> = {
  EACCES: 'no permission to write',
  EPERM: 'no permission to write',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'there is a folder where a file should be',
  EEXIST: 'there is a file where a folder should be',
};

/** A disk or a network file system that fails now, or denies access. */
const FAILED = new Set([
  'EACCES',
  'EPERM',
  'EIO',
  'ESTALE',
  'ENOTCONN',
  'EHOSTDOWN',
  'ETIMEDOUT',
  'EREMOTEIO',
  'ENODEV',
  'ENXIO',
  'EMFILE',
  'ENFILE',
]);

/**
 * The error of a failed read from `path`: `artifact-store-failed` if the file system is the reason, which another attempt may survive,
 * otherwise `other()`.
 */
export function readError(error: unknown, path: string, other: () => CarpalError): CarpalError {
  const code = systemErrorCode(error);
  if (code === undefined || !FAILED.has(code)) return other();
  return new CarpalError('artifact-store-failed', `the file system failed or denied access: ${code}`, { where: path, cause: error });
}

/** The `code` of a Node system error, or undefined for anything else. */
export function systemErrorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/**
 * What to throw for a failed write to `path`: `disk-full` or `folder-unwritable` with the path, or the error itself if it is neither. Use
 * it as `catch (error) { throw writeError(error, path); }`.
 */
export function writeError(error: unknown, path: string): unknown {
  const code = systemErrorCode(error);
  if (code === undefined) return error;
  if (FULL.has(code)) return new CarpalError('disk-full', 'the disk is full', { where: path, cause: error });
  const what = UNWRITABLE[code];
  return what === undefined ? error : new CarpalError('folder-unwritable', what, { where: path, cause: error });
}

/** Runs `work`, which writes to `path`, and converts its errors with {@link writeError}. */
export async function withWriteErrors<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw writeError(error, path);
  }
}
