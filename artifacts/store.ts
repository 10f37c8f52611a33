/** One stored object. `modifiedMs` is milliseconds since 1970. */
export type StoredObject = { readonly key: string; readonly size: number; readonly modifiedMs: number };

/** The object with the tag that names this version of it, or word that it is still the version of the tag given. */
export type ChangedRead = { readonly content: Buffer; readonly tag: string } | 'unchanged';

/**
 * Where experiments keep everything: whole objects under keys such as `experiments/default/quickstart/1/ensemble/submission.csv`.
 * Keys are relative paths with `/`, never absolute, never with `.` or `..` parts (`artifact-key-invalid`). A write is atomic: a reader
 * sees the former object or the new one, whole, and a failed write leaves the former one. There is no append.
 */
export type ArtifactStore = {
  /** What the store was opened with, for messages and for starting a stage on the same store. */
  readonly uri: string;
  /** The object, or `artifact-missing`. */
  read(key: string): Promise<Buffer>;
  readIfPresent(key: string): Promise<Buffer | undefined>;
  /** The object unless it is still the version that `tag` names (from an earlier call; it means nothing to other stores); undefined if there is none. */
  readIfChanged(key: string, tag?: string): Promise<ChangedRead | undefined>;
  /** Puts the whole object under the key, making what lies between. `disk-full` or `folder-unwritable` where that is the reason. */
  write(key: string, content: Uint8Array | string): Promise<void>;
  /**
   * Writes as `write` does, but only over the version that `tag` names, or where there is no object for undefined; gives the tag of what was
   * written, or 'changed' where something else stands there. `content` must be such as no other writer writes, since a write whose answer
   * was lost is known by it. A bucket keeps this whoever writes; a folder does not if two processes write in the same moment.
   */
  writeIfUnchanged(key: string, content: string, tag: string | undefined): Promise<{ readonly tag: string } | 'changed'>;
  /** Every object at or under the prefix (whole path parts: `a/b` holds `a/b` and `a/b/c`, not `a/bc`), sorted by key. '' lists all. */
  list(prefix: string): Promise<StoredObject[]>;
  /** Removes every object at or under the prefix; nothing there is no error. */
  remove(prefix: string): Promise<void>;
  /**
   * A local folder that holds every object under the prefix and nothing else, to be read only; for a prefix that is an object's own key, that
   * file. A folder store gives its own, without a copy. `artifact-missing` where there is none.
   */
  checkout(prefix: string): Promise<string>;
  /** Writes every file under the local folder to the same name under the prefix. Each is atomic, all together are not: write an index last. */
  publish(localFolder: string, prefix: string): Promise<void>;
};
