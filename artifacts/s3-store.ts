import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CarpalError } from '@carpal/configs/errors.ts';
import { type CachedObject, checkoutInto } from './checkout-cache.ts';
import { s3Environment } from './env.ts';
import { inParallel } from './in-parallel.ts';
import { keyParts } from './key.ts';
import { partialOf } from './partial.ts';
import { reasonOf, s3Error, s3Fault } from './s3-error.ts';
import { s3Location } from './s3-location.ts';
import type { S3Object, S3Objects } from './s3-objects.ts';
import type { ArtifactStore } from './store.ts';
import { walkFiles } from './walk-files.ts';
import { type Patience, withPatience } from './with-patience.ts';

export type S3StoreOptions = {
  /** How long a store that is away is waited for before `store-unreachable`; two minutes if not given, so that a stage outlives a restart of it. */
  readonly patienceMs?: number;
  /** A connection on which nothing moves for so long is given up; 30 seconds if not given. */
  readonly timeoutMs?: number;
  /** Where checkouts are kept; a folder of the user's among the temporary ones if not given. */
  readonly checkoutFolder?: string;
  /** Objects above so many bytes go up in parts; 64 MiB if not given. */
  readonly multipartBytes?: number;
  /** Told when the store is away and will be tried again. */
  readonly onWait?: (line: string) => void;
};

const UPLOADS_AT_ONCE = 8;
const CHECKOUT_TRIES = 3;

/**
 * A store in a bucket of S3 or of a server that speaks its protocol. Endpoint, region and credentials come from the environment as the SDK
 * reads it (variables, Pod Identity, IRSA, profiles). Throws `artifact-store-unsupported` for a URI that names no bucket; touches nothing
 * and loads no SDK before the first use. Methods throw `store-unreachable`, `store-denied` or `store-misplaced` where that is the reason.
 */
export function openS3Store(uri: string, options: S3StoreOptions = {}): ArtifactStore {
  const { bucket, prefix: root } = s3Location(uri);
  const environment = s3Environment();
  const { patienceMs = 120_000, timeoutMs = 30_000, multipartBytes = 64 * 2 ** 20, onWait } = options;
  const checkoutFolder = options.checkoutFolder ?? join(tmpdir(), `carpal-checkout-${process.getuid?.() ?? ''}`);
  const place = root === '' ? `s3://${bucket}` : `s3://${bucket}/${root}`;

  let opened: Promise<S3Objects> | undefined;
  const objects = (): Promise<S3Objects> => {
    opened ??= import('./s3-objects.ts').then(({ openS3Objects }) =>
      openS3Objects({ bucket, environment, timeoutMs, tries: patienceMs === 0 ? 2 : 3, multipartBytes }),
    );
    return opened;
  };

  const patience: Patience = {
    patienceMs,
    random: Math.random,
    now: () => performance.now(),
    sleep: async (ms) => sleep(ms),
    onWait: (error, ms) => onWait?.(`${place} is away (${reasonOf(error)}); trying again in ${(ms / 1000).toFixed(1)} s`),
  };
  const isPassing = (error: unknown): boolean => {
    const fault = s3Fault(error);
    return fault === 'away' || fault === 'expired' || (fault === 'unidentified' && environment.credentialsAreServed);
  };
  /** A request with patience; answers named in `wanted` become undefined. */
  const ask = async <T>(where: string, wanted: readonly string[], request: (s3: S3Objects) => Promise<T>): Promise<T | undefined> => {
    try {
      const s3 = await objects();
      return await withPatience(patience, isPassing, async () => request(s3));
    } catch (error) {
      if (wanted.includes(s3Fault(error))) return undefined;
      throw s3Error(error, where);
    }
  };

  const fullKey = (key: string): string => (root === '' ? key : `${root}/${key}`);
  const ownKey = (key: string): string => (root === '' ? key : key.slice(root.length + 1));
  const checked = (key: string): string => fullKey(keyParts(key).join('/'));
  const whereOf = (key: string): string => (key === '' ? place : `${place}/${key}`);

  /** Everything at or under a prefix, whatever wrote it, with full keys. */
  const listAll = async (prefix: string): Promise<S3Object[]> => {
    const key = prefix === '' ? root : checked(prefix);
    const found = await ask(whereOf(prefix), [], async (s3) => {
      if (prefix === '') return s3.list(key === '' ? '' : `${key}/`);
      // The object of the very key is the first of all keys that begin so; listing all of them would find `a10` for `a1` too.
      const [below, [first]] = await Promise.all([s3.list(`${key}/`), s3.list(key, 1)]);
      return first?.key === key ? [first, ...below] : below;
    });
    return found ?? [];
  };
  /** Without the markers of folders that consoles write, and without what an upload of a folder store's unfinished writes left. */
  const listOwn = async (prefix: string): Promise<S3Object[]> =>
    (await listAll(prefix))
      .map((object) => ({ ...object, key: ownKey(object.key) }))
      .filter(({ key }) => !key.endsWith('/') && !key.split('/').some((part) => partialOf(part) !== undefined))
      .sort((a, b) => (a.key < b.key ? -1 : 1));

  const readIfPresent = async (key: string): Promise<Buffer | undefined> => {
    const full = checked(key);
    return (await ask(whereOf(key), ['absent'], async (s3) => s3.get(full)))?.content;
  };

  type Download = CachedObject & { readonly object: S3Object };
  /** The local copy of what is there now, or undefined where an object has changed between the listing and its download. */
  const tryCheckout = async (prefix: string): Promise<string | undefined> => {
    const found = await listOwn(prefix);
    if (found.length === 0)
      throw new CarpalError('artifact-missing', `the store has nothing under ${prefix === '' ? 'its root' : prefix}`, {
        where: whereOf(prefix),
      });
    const below = prefix === '' ? found : found.filter(({ key }) => key !== prefix);
    const chosen = below.length > 0 ? below : found;
    const downloads = chosen.map((object): Download => {
      const path = below.length > 0 ? object.key.slice(prefix === '' ? 0 : prefix.length + 1) : basename(prefix);
      // Other tools may have put keys there that would be paths out of the folder.
      const key = fullKey(keyParts(object.key).join('/'));
      const version = JSON.stringify([environment.endpoint, bucket, key, object.tag, object.tag === '' ? object.modifiedMs : 0]);
      return { path, size: object.size, version, object: { ...object, key } };
    });
    let changed = false;
    const download = async ({ object }: Download, path: string): Promise<void> => {
      const answer = await ask(whereOf(ownKey(object.key)), ['changed', 'absent'], async (s3) => {
        await s3.download(object, path);
        return true;
      });
      changed ||= answer === undefined;
      if (answer === undefined) throw new CarpalError('artifact-store-failed', 'the object keeps changing', { where: whereOf(object.key) });
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
      if (content === undefined) throw new CarpalError('artifact-missing', `the store has no ${key}`, { where: whereOf(key) });
      return content;
    },
    async readIfChanged(key, tag) {
      const full = checked(key);
      const answer = await ask(whereOf(key), ['absent'], async (s3) => {
        try {
          return await s3.get(full, tag);
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
      await ask(whereOf(key), [], async (s3) => s3.put(full, bytes));
    },
    async writeIfUnchanged(key, content, tag) {
      const full = checked(key);
      const bytes = Buffer.from(content);
      const written = await ask(whereOf(key), ['changed', 'absent'], async (s3) => s3.putOver(full, bytes, tag));
      if (written !== undefined) return { tag: written };
      const found = await ask(whereOf(key), ['absent'], async (s3) => s3.get(full));
      // The answer to an earlier try of ours was lost, not the write.
      return found?.content.equals(bytes) ? { tag: found.tag } : 'changed';
    },
    list: async (prefix) => (await listOwn(prefix)).map(({ key, size, modifiedMs }) => ({ key, size, modifiedMs })),
    async remove(prefix) {
      const keys = (await listAll(prefix)).map(({ key }) => key);
      if (keys.length > 0) await ask(whereOf(prefix), [], async (s3) => s3.remove(keys));
    },
    async checkout(prefix) {
      for (let tries = 0; tries < CHECKOUT_TRIES; tries += 1) {
        const folder = await tryCheckout(prefix);
        if (folder !== undefined) return folder;
      }
      throw new CarpalError('artifact-store-failed', 'objects were written while they were being downloaded, three times', {
        where: whereOf(prefix),
      });
    },
    async publish(localFolder, prefix) {
      const files = await walkFiles(localFolder, '');
      await inParallel(files, UPLOADS_AT_ONCE, async ({ key, size }) => {
        const target = prefix === '' ? key : `${prefix}/${key}`;
        const full = checked(target);
        await ask(whereOf(target), [], async (s3) => s3.upload(join(localFolder, key), size, full));
      });
    },
  };
}
