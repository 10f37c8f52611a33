/**
 * Local copies of objects in a remote store. Every version of an object is downloaded once into `objects/`, atomically, under a hash of its
 * identity. A checkout is a folder of hard links to these objects under `trees/`, named by a hash of its content, so it never changes. A
 * killed checkout reuses the objects that it had downloaded. Several processes may check out concurrently.
 */
import { createHash } from 'node:crypto';
import { copyFile, link, lstat, mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { systemErrorCode, withWriteErrors } from '@carpal/configs/file-errors.ts';
import { inParallel } from './in-parallel.ts';
import { beginPartial, endPartial, makeFolder } from './write-file.ts';

/** One object: its path in the checkout, its size in bytes, and an identifier of this version that is unique over all stores. */
export type CachedObject = { readonly path: string; readonly size: number; readonly version: string };

/** Checkouts that were not requested for this long are removed. It is longer than any training, which requests its checkout once. */
const KEPT_MS = 60 * 86_400_000;
const DOWNLOADS_AT_ONCE = 16;

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 40);

/**
 * A folder with exactly these objects, requested at `now`. `download` writes one whole object to a new file. Throws the errors of
 * `download` and of the disk.
 */
export async function checkoutInto<T extends CachedObject>(
  root: string,
  objects: readonly T[],
  download: (object: T, path: string) => Promise<void>,
  now: Date,
): Promise<string> {
  await openCache(root, now);
  const tree = join(root, 'trees', hashOf(JSON.stringify(objects.map(({ path, size, version }) => [path, size, version]))));
  if (!(await isWhole(tree, objects))) {
    await inParallel(objects, DOWNLOADS_AT_ONCE, (object) => fetchObject(objectPath(root, object), object, download));
    await buildTree(tree, root, objects);
  }
  await utimes(tree, now, now);
  return tree;
}

/** Spreads objects over 256 folders, because some file systems are slow with many files in one folder. */
function objectPath(root: string, { version, size }: CachedObject): string {
  const name = hashOf(JSON.stringify([version, size]));
  return join(root, 'objects', name.slice(0, 2), name);
}

/** Refuses a folder of another user. Everyone can write to the temporary folder, and weights must not come from someone else. */
async function openCache(root: string, now: Date): Promise<void> {
  await makeFolder(dirname(root), root);
  await withWriteErrors(root, async () => mkdir(root, { mode: 0o700 })).catch((error: unknown) => {
    if (!(error instanceof CarpalError && systemErrorCode(error.cause) === 'EEXIST')) throw error;
  });
  const folder = await lstat(root);
  const user = process.getuid?.();
  if (!folder.isDirectory() || (user !== undefined && folder.uid !== user))
    throw new CarpalError('folder-unwritable', 'the folder for local copies belongs to another user', { where: root });
  await makeFolder(join(root, 'trees'));
  await removeOld(root, now);
}

async function isWhole(tree: string, objects: readonly CachedObject[]): Promise<boolean> {
  if ((await stat(tree).catch(() => undefined)) === undefined) return false;
  // Programs that clean temporary folders may have removed single files.
  for (const { path, size } of objects) if ((await sizeOf(join(tree, path))) !== size) return false;
  return true;
}

async function sizeOf(path: string): Promise<number | undefined> {
  const file = await stat(path).catch(() => undefined);
  return file?.isFile() ? file.size : undefined;
}

async function fetchObject<T extends CachedObject>(path: string, object: T, download: (object: T, path: string) => Promise<void>) {
  if ((await sizeOf(path)) === object.size) return;
  await makeFolder(dirname(path));
  const partial = beginPartial(path);
  try {
    await withWriteErrors(path, async () => download(object, partial));
    await withWriteErrors(path, async () => rename(partial, path));
  } finally {
    await endPartial(partial);
  }
}

async function buildTree(tree: string, root: string, objects: readonly CachedObject[]): Promise<void> {
  const partial = beginPartial(tree);
  try {
    for (const folder of new Set(objects.map(({ path }) => dirname(join(partial, path))))) await makeFolder(folder, tree);
    await withWriteErrors(tree, async () =>
      inParallel(objects, DOWNLOADS_AT_ONCE, (object) => linkOrCopy(objectPath(root, object), join(partial, object.path))),
    );
    await withWriteErrors(tree, () => putTree(partial, tree, objects));
  } finally {
    await rm(partial, { recursive: true, force: true });
    await endPartial(partial);
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(async (error: unknown) => {
    if (!['EPERM', 'ENOTSUP', 'EMLINK', 'ENOSYS', 'EOPNOTSUPP'].includes(systemErrorCode(error) ?? '')) throw error;
    await copyFile(from, to);
  });
}

/** Another process may have created the same tree in the meantime; then its tree is used. A damaged tree is moved aside. */
async function putTree(partial: string, tree: string, objects: readonly CachedObject[]): Promise<void> {
  try {
    await rename(partial, tree);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(systemErrorCode(error) ?? '')) throw error;
    if (await isWhole(tree, objects)) return;
    const aside = beginPartial(tree);
    await rename(tree, aside);
    await rename(partial, tree);
    await rm(aside, { recursive: true, force: true });
    await endPartial(aside);
  }
}

const cleaned = new Set<string>();

/** Once per process, removes trees that were not requested for a long time, then objects that are in no tree. */
async function removeOld(root: string, now: Date): Promise<void> {
  if (cleaned.has(root)) return;
  cleaned.add(root);
  const isOld = async (path: string): Promise<boolean> => {
    const entry = await stat(path).catch(() => undefined);
    if (entry === undefined || now.getTime() - entry.mtimeMs < KEPT_MS) return false;
    return entry.isDirectory() || entry.nlink === 1;
  };
  for (const place of ['trees', ...(await readdir(join(root, 'objects')).catch(() => [])).map((part) => join('objects', part))]) {
    for (const name of await readdir(join(root, place)).catch(() => [])) {
      const path = join(root, place, name);
      if (await isOld(path)) await rm(path, { recursive: true, force: true });
    }
  }
}
