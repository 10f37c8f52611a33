/** The interface of every artifact store, and the rules for its keys. */
import { CarpalError } from '@carpal/configs/errors.ts';
import { partialOf } from './write-file.ts';

/** One stored object. `modifiedMs` is milliseconds since 1970. */
export type StoredObject = { readonly key: string; readonly size: number; readonly modifiedMs: number };

/** An object with the tag of this version, or 'unchanged' if it still is the version of the given tag. */
export type ChangedRead = { readonly content: Buffer; readonly tag: string } | 'unchanged';

/** If the object has more than `maxBytes`, a read throws `artifact-too-large` after at most `maxBytes` + 1 bytes. */
export type ReadLimit = { readonly maxBytes?: number };

/**
 * Where experiments store everything: whole objects under keys such as `experiments/default/quickstart/1/ensemble/submission.csv`.
 * Keys are relative paths with `/`, without `.` and `..` parts; other keys throw `artifact-key-invalid`. A write is atomic: readers see the
 * whole old object or the whole new one, and a failed write leaves the old one. There is no append.
 */
export type ArtifactStore = {
  /** The location that the store was opened with, for messages and for starting a stage on the same store. */
  readonly uri: string;
  /** The object. Throws `artifact-missing` if it does not exist. */
  read(key: string): Promise<Buffer>;
  readIfPresent(key: string, limit?: ReadLimit): Promise<Buffer | undefined>;
  /**
   * The object, or 'unchanged' if it still is the version of `tag`, which an earlier call on the same store returned. Undefined if the
   * object does not exist.
   */
  readIfChanged(key: string, tag?: string, limit?: ReadLimit): Promise<ChangedRead | undefined>;
  /** Stores the whole object, creating folders as needed. Throws `disk-full` or `folder-unwritable` if that is the reason. */
  write(key: string, content: Uint8Array | string): Promise<void>;
  /**
   * Writes only if the object still is the version of `tag`, or does not exist if `tag` is undefined. Returns the new tag, or 'changed' if
   * another version exists. The content must differ from the content of every other writer, because it identifies our own write after a
   * lost response. S3 compares and writes atomically. A folder does not: two processes that write at the same moment may both succeed, but
   * only the later one can write again.
   */
  writeIfUnchanged(key: string, content: string, tag: string | undefined): Promise<{ readonly tag: string } | 'changed'>;
  /** Every object at or under the prefix (whole path parts: `a/b` matches `a/b` and `a/b/c`, not `a/bc`), sorted by key. '' lists all. */
  list(prefix: string): Promise<StoredObject[]>;
  /** Removes every object at or under the prefix. It is not an error if no object exists. */
  remove(prefix: string): Promise<void>;
  /**
   * A local folder with exactly the objects under the prefix, for reading only; if the prefix is the key of an object, that file. A folder
   * store returns its own folder without copying. Throws `artifact-missing` if there are no objects.
   */
  checkout(prefix: string): Promise<string>;
  /**
   * Writes every file of the local folder under the prefix. Each write is atomic, but the writes together are not, so write an index last.
   */
  publish(localFolder: string, prefix: string): Promise<void>;
  /**
   * Calls the listener whenever further data of a long transfer has arrived: a part of a large object, an object of a checkout or of a
   * published folder. Waiting for the store, and repeating what a failed attempt had transferred, are not calls. The returned function
   * removes the listener.
   */
  onTransfer(listener: () => void): () => void;
};

/** The listeners of a store's transfers. */
export class Transfers {
  readonly #listeners = new Set<() => void>();

  readonly on = (listener: () => void): (() => void) => {
    // Its own function, so that the same listener can be added twice.
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  };

  advance(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Returns a function for one transfer that gets the bytes transferred so far. Bytes that a retry transfers again do not count. */
  counter(): (bytes: number) => void {
    let most = 0;
    return (bytes) => {
      if (bytes <= most) return;
      most = bytes;
      this.advance();
    };
  }
}

/** The error for an object that is larger than the limit of a read. */
export function tooLarge(maxBytes: number, where: string): CarpalError {
  return new CarpalError('artifact-too-large', `the object has more than ${maxBytes} bytes`, { where });
}

const MAX_KEY_BYTES = 1024;

/** The parts of a key. Throws `artifact-key-invalid` for a key that is empty, absolute or leaves the store, or has forbidden characters. */
export function keyParts(key: string): readonly string[] {
  const parts = key.split('/');
  const reason = invalidReason(key, parts);
  if (reason !== undefined)
    throw new CarpalError('artifact-key-invalid', `the artifact key ${reason}`, { where: JSON.stringify(key.slice(0, 200)) });
  return parts;
}

function invalidReason(key: string, parts: readonly string[]): string | undefined {
  if (key === '') return 'is empty';
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) return `is longer than ${MAX_KEY_BYTES} bytes`;
  if (key.startsWith('/')) return 'is an absolute path';
  if (parts.some((part) => part === '')) return 'has an empty part';
  if (parts.some((part) => part === '.' || part === '..')) return 'has a "." or ".." part';
  // Other systems interpret backslashes and drive letters as paths; control characters can end a name early.
  if (key.includes('\\') || [...key].some((character) => character < ' ' || character === '\x7f'))
    return 'has a backslash or a control character';
  if (parts.some((part) => partialOf(part) !== undefined)) return 'has the form of an unfinished write';
  return undefined;
}
