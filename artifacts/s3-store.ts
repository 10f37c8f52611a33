import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CarpalError } from '@carpal/configs/errors.ts';
import { type CachedObject, checkoutInto } from './checkout-cache.ts';
import { s3Environment } from './env.ts';
import { walkFiles } from './folder-store.ts';
import { inParallel } from './in-parallel.ts';
import { type RetryOptions, withRetries } from './retry.ts';
import { reasonOf, type S3Fault, s3Error, s3Fault } from './s3-error.ts';
import type { S3Object, S3Objects } from './s3-objects.ts';
import { type ArtifactStore, keyParts, type ReadLimit, Transfers } from './store.ts';
import { partialOf } from './write-file.ts';

export type S3StoreOptions = {
  /**
   * How long to retry an unavailable store before `store-unreachable`. Two minutes by default, so a stage survives a restart of the store.
   */
  readonly retryForMs?: number;
  /** A connection without traffic for this long is closed; 30 seconds by default. */
  readonly timeoutMs?: number;
  /** The folder for checkouts; by default one per user in the temporary folder. */
  readonly checkoutFolder?: string;
  /** Larger objects are uploaded in parts; 64 MiB by default. */
  readonly multipartBytes?: number;
  /** Called with a log line before each retry of an unavailable store. */
  readonly onWait?: (line: string) => void;
};

const UPLOADS_AT_ONCE = 8;
const CHECKOUT_ATTEMPTS = 3;

/**
 * A store in a bucket of S3 or of a server with the S3 API. Endpoint, region and credentials come from the environment as the SDK reads it
 * (variables, Pod Identity, IRSA, profiles). Throws `artifact-store-unsupported` if the URI does not name a bucket. Does not load the SDK
 * or access the bucket before the first use. Methods throw `store-unreachable`, `store-denied` or `store-misplaced` if that is the reason.
 */
export function openS3Store(uri: string, options: S3StoreOptions = {}): ArtifactStore {
  const { bucket, prefix: root } = s3Location(uri);
  const environment = s3Environment();
  const { retryForMs = 120_000, timeoutMs = 30_000, multipartBytes = 64 * 2 ** 20, onWait } = options;
  const checkoutFolder = options.checkoutFolder ?? join(tmpdir(), `carpal-checkout-${process.getuid?.() ?? ''}`);
  const place = root === '' ? `s3://${bucket}` : `s3://${bucket}/${root}`;

  const transfers = new Transfers();
  let opened: Promise<S3Objects> | undefined;
  const objects = (): Promise<S3Objects> => {
    opened ??= import('./s3-objects.ts').then(({ openS3Objects }) =>
      openS3Objects({ bucket, environment, timeoutMs, attempts: retryForMs === 0 ? 2 : 3, multipartBytes }),
    );
    return opened;
  };

  const retries: RetryOptions = {
    retryForMs,
    random: Math.random,
    now: () => performance.now(),
    sleep: async (ms) => sleep(ms),
    onWait: (error, ms) => onWait?.(`${place} is unavailable (${reasonOf(error)}); retrying in ${(ms / 1000).toFixed(1)} s`),
  };
  const isTransient = (error: unknown): boolean => {
    const fault = s3Fault(error);
    return fault === 'unavailable' || fault === 'expired' || (fault === 'no-credentials' && environment.credentialsAreServed);
  };
  /** Sends a request with retries. Faults named in `expected` become undefined. */
  const ask = async <T>(where: string, expected: readonly S3Fault[], request: (s3: S3Objects) => Promise<T>): Promise<T | undefined> => {
    try {
      const s3 = await objects();
      return await withRetries(retries, isTransient, async () => request(s3));
    } catch (error) {
      if (expected.includes(s3Fault(error))) return undefined;
      throw s3Error(error, where);
    }
  };

  const fullKey = (key: string): string => (root === '' ? key : `${root}/${key}`);
  const ownKey = (key: string): string => (root === '' ? key : key.slice(root.length + 1));
  const checked = (key: string): string => fullKey(keyParts(key).join('/'));
  const locationOf = (key: string): string => (key === '' ? place : `${place}/${key}`);

  /** Every object at or under a prefix, including those of other writers, with full keys. */
  const listAll = async (prefix: string): Promise<S3Object[]> => {
    const key = prefix === '' ? root : checked(prefix);
    const found = await ask(locationOf(prefix), [], async (s3) => {
      if (prefix === '') return s3.list(key === '' ? '' : `${key}/`);
      // The object with this key sorts first among all keys that start with it. Listing them all would also return `a10` for `a1`.
      const [below, [first]] = await Promise.all([s3.list(`${key}/`), s3.list(key, 1)]);
      return first?.key === key ? [first, ...below] : below;
    });
    return found ?? [];
  };
  /** Without the folder markers that S3 consoles write, and without unfinished writes of an uploaded folder store. */
  const listOwn = async (prefix: string): Promise<S3Object[]> =>
    (await listAll(prefix))
      .map((object) => ({ ...object, key: ownKey(object.key) }))
      .filter(({ key }) => !key.endsWith('/') && !key.split('/').some((part) => partialOf(part) !== undefined))
      .sort((a, b) => (a.key < b.key ? -1 : 1));

  const readIfPresent = async (key: string, { maxBytes }: ReadLimit = {}): Promise<Buffer | undefined> => {
    const full = checked(key);
    const onBytes = transfers.counter();
    return (await ask(locationOf(key), ['absent'], async (s3) => s3.get(full, { maxBytes, onBytes })))?.content;
  };

  type Download = CachedObject & { readonly object: S3Object };
  /** A local copy of the current objects, or undefined if an object changed between the listing and its download. */
  const tryCheckout = async (prefix: string): Promise<string | undefined> => {
    const found = await listOwn(prefix);
    if (found.length === 0)
      throw new CarpalError('artifact-missing', `the store has nothing under ${prefix === '' ? 'its root' : prefix}`, {
        where: locationOf(prefix),
      });
    const below = prefix === '' ? found : found.filter(({ key }) => key !== prefix);
    const chosen = below.length > 0 ? below : found;
    const downloads = chosen.map((object): Download => {
      const path = below.length > 0 ? object.key.slice(prefix === '' ? 0 : prefix.length + 1) : basename(prefix);
      // Keys of other tools could be paths that leave the folder.
      const key = fullKey(keyParts(object.key).join('/'));
      const version = JSON.stringify([environment.endpoint, bucket, key, object.tag, object.tag === '' ? object.modifiedMs : 0]);
      return { path, size: object.size, version, object: { ...object, key } };
    });
    let changed = false;
    const download = async ({ object }: Download, path: string): Promise<void> => {
      const onBytes = transfers.counter();
      const answer = await ask(locationOf(ownKey(object.key)), ['changed', 'absent'], async (s3) => {
        await s3.download(object, path, onBytes);
        return true;
      });
      changed ||= answer === undefined;
      if (answer === undefined)
        throw new CarpalError('artifact-store-failed', 'the object keeps changing', { where: locationOf(object.key) });
    };
    const tree = await checkoutInto(checkoutFolder, downloads, download, new Date()).catch((error: unknown) => {
      if (changed) return undefined;
      throw error;
    });
    return tree === undefined || below.length > 0 ? tree : join(tree, basename(prefix));
  };

  return {
    uri: place,
    readIfPresent,
    async read(key) {
      const content = await readIfPresent(key);
      if (content === undefined) throw new CarpalError('artifact-missing', `the store has no ${key}`, { where: locationOf(key) });
      return content;
    },
    async readIfChanged(key, tag, { maxBytes } = {}) {
      const full = checked(key);
      const onBytes = transfers.counter();
      const answer = await ask(locationOf(key), ['absent'], async (s3) => {
        try {
          return await s3.get(full, { tag, maxBytes, onBytes });
        } catch (error) {
          if (s3Fault(error) === 'unchanged') return 'unchanged' as const;
          throw error;
        }
      });
      return answer;
    },
    async write(key, content) {
      const full = checked(key);
      const bytes =
        typeof content === 'string' ? Buffer.from(content) : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
      const onBytes = transfers.counter();
      await ask(locationOf(key), [], async (s3) => s3.put(full, bytes, onBytes));
    },
    async writeIfUnchanged(key, content, tag) {
      const full = checked(key);
      const bytes = Buffer.from(content);
      const written = await ask(locationOf(key), ['changed', 'absent'], async (s3) => s3.putOver(full, bytes, tag));
      if (written !== undefined) return { tag: written };
      const found = await ask(locationOf(key), ['absent'], async (s3) => s3.get(full));
      // An earlier attempt may have succeeded although its response was lost.
      return found?.content.equals(bytes) ? { tag: found.tag } : 'changed';
    },
    list: async (prefix) => (await listOwn(prefix)).map(({ key, size, modifiedMs }) => ({ key, size, modifiedMs })),
    async remove(prefix) {
      const keys = (await listAll(prefix)).map(({ key }) => key);
      if (keys.length > 0) await ask(locationOf(prefix), [], async (s3) => s3.remove(keys));
    },
    async checkout(prefix) {
      for (let attempt = 0; attempt < CHECKOUT_ATTEMPTS; attempt += 1) {
        const folder = await tryCheckout(prefix);
        if (folder !== undefined) return folder;
      }
      throw new CarpalError('artifact-store-failed', 'objects changed during the download, three times in a row', {
        where: locationOf(prefix),
      });
    },
    async publish(localFolder, prefix) {
      const files = await walkFiles(localFolder, '');
      await inParallel(files, UPLOADS_AT_ONCE, async ({ key, size }) => {
        const target = prefix === '' ? key : `${prefix}/${key}`;
        const full = checked(target);
        const onBytes = transfers.counter();
        await ask(locationOf(target), [], async (s3) => s3.upload(join(localFolder, key), size, full, onBytes));
        transfers.advance();
      });
    },
    onTransfer: transfers.on,
  };
}

type S3Location = {
  readonly bucket: string;
  /** '' or parts joined by `/`, without a leading or trailing `/`. */
  readonly prefix: string;
};

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/**
 * The bucket and prefix of `s3://bucket/prefix`. Throws `artifact-store-unsupported` for other URIs. Errors never repeat the URI, because
 * it may contain credentials.
 */
function s3Location(uri: string): S3Location {
  const [bucket = '', ...parts] = uri.replace(/^s3:\/\//i, '').split('/');
  const refuse = (what: string): CarpalError =>
    new CarpalError('artifact-store-unsupported', what, {
      fix: 'Write s3://bucket/prefix; credentials, region and endpoint come from the environment.',
    });
  if (bucket.includes('@')) throw refuse('an S3 URI must not contain credentials');
  if (!BUCKET.test(bucket)) throw refuse(`"${bucket.slice(0, 63)}" is not a valid name of an S3 bucket`);
  const prefix = parts.join('/').replaceAll(/^\/+|\/+$/g, '');
  if (prefix !== '') keyParts(prefix);
  return { bucket, prefix };
}
