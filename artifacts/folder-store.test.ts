import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeStore } from '@carpal/testbed/artifacts/store-cases.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFolderStore } from './folder-store.ts';
import { openStore } from './open-store.ts';
import { beginPartial } from './write-file.ts';

const run = promisify(execFile);

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'carpal-folder-store-'));
});
afterAll(async () => rm(root, { recursive: true, force: true }));

describeStore('a folder', async () => openFolderStore(await mkdtemp(join(root, 'store-'))));

describe('a folder store', () => {
  it('is created by its first write', async () => {
    const folder = join(root, 'made', 'later');
    const store = openFolderStore(folder);
    expect(await store.list('')).toEqual([]);
    await store.write('a', 'x');
    expect(await readdir(folder)).toEqual(['a']);
  });

  it('lets only one of two processes write again that wrote at the same moment', async () => {
    const folder = await mkdtemp(join(root, 'same-moment-'));
    const stores = [openFolderStore(folder), openFolderStore(folder)];
    const first = await Promise.all(stores.map((store, index) => store.writeIfUnchanged('state', `first of ${index}`, undefined)));
    const again = await Promise.all(
      first.map(async (written, index) =>
        written === 'changed' ? written : stores[index]?.writeIfUnchanged('state', `second of ${index}`, written.tag),
      ),
    );
    expect(again.filter((written) => written !== 'changed')).toHaveLength(1);
  });

  it('reports the path if a file is in the place of a folder, or a folder in the place of a file', async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    const store = openFolderStore(folder);
    await store.write('a', 'x');
    await expect(store.write('a/b', 'x')).rejects.toMatchObject({ code: 'folder-unwritable', where: join(folder, 'a/b') });
    await store.write('c/d', 'x');
    await expect(store.write('c', 'x')).rejects.toMatchObject({ code: 'folder-unwritable', where: join(folder, 'c') });
    expect((await readdir(folder)).sort()).toEqual(['a', 'c']);
  });

  it.skipIf(process.getuid?.() === 0)('reports a folder without write permission (root can write everywhere)', async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    await chmod(folder, 0o500);
    await expect(openFolderStore(folder).write('a', 'x')).rejects.toMatchObject({
      code: 'folder-unwritable',
      message: 'no permission to write',
    });
  });

  it('ignores and removes unfinished writes of killed processes, and writes that another machine abandoned long ago', async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    await mkdir(join(folder, 'checkpoint'));
    const { stdout } = await run(process.execPath, ['-e', 'console.log(process.pid)']);
    const own = beginPartial('last');
    const [ended, living] = [stdout.trim(), process.ppid].map((pid) => own.replace(`-${process.pid}-`, `-${pid}-`));
    const [old, young] = ['last.partial-1-00ff', 'last.partial-2-00ff'];
    for (const name of [ended, living, old, young]) await writeFile(join(folder, `checkpoint/${name}`), 'half');
    const longAgo = Date.now() / 1000 - 3600;
    await utimes(join(folder, `checkpoint/${old}`), longAgo, longAgo);
    const store = openFolderStore(folder);
    expect(await store.list('')).toEqual([]);
    await store.write('checkpoint/last', 'whole');
    expect((await readdir(join(folder, 'checkpoint'))).sort()).toEqual(['last', living, young].sort());
  });
});

/** Writes an object that fits and one that does not, then prints the results. Runs in a process that may mount. */
const FILL = `
  import { readdirSync } from 'node:fs';
  const { openFolderStore } = await import(process.argv[1]);
  const [disk] = process.argv.slice(2);
  const store = openFolderStore(disk);
  const write = (content) => store.write('last', content).then(() => undefined, ({ code, exit, where }) => ({ code, exit, where }));
  const small = await write('the old one');
  const large = await write(Buffer.alloc(4 * 2 ** 20));
  console.log(JSON.stringify({ small, large, kept: (await store.readIfPresent('last'))?.toString(), files: readdirSync(disk) }));
`;

/**
 * The results of FILL on a private disk mounted with these options, as root or as root of a user namespace. Undefined if the machine allows
 * neither.
 */
async function tryDisk(disk: string, options: string): Promise<unknown> {
  const script = 'mount -t tmpfs -o "$1" none "$0" || exit 33; exec "$2" --input-type=module -e "$3" "$4" "$0"';
  const parameters = ['sh', '-c', script, disk, options, process.execPath, FILL, new URL('./folder-store.ts', import.meta.url).href];
  for (const namespaces of ['-m', '-rm']) {
    try {
      return JSON.parse((await run('unshare', [namespaces, ...parameters])).stdout);
    } catch (error) {
      const { code, stderr } = error as { code?: unknown; stderr?: string };
      const mayNotMount = code === 'ENOENT' || code === 33 || (stderr ?? '').startsWith('unshare:');
      if (!mayNotMount) throw error;
    }
  }
  return undefined;
}

describe('a disk that refuses writes', () => {
  const NO_MOUNT = 'this machine does not allow mounting a small disk';

  it('is reported when it is full; the old object stays and no partial file is left', async (context) => {
    const disk = await mkdtemp(join(root, 'disk-'));
    const result = await tryDisk(disk, 'size=1m');
    if (result === undefined) return context.skip(NO_MOUNT);
    const large = { code: 'disk-full', exit: 74, where: join(disk, 'last') };
    expect(result).toEqual({ large, kept: 'the old one', files: ['last'] });
  });

  it('is reported when it is read-only', async (context) => {
    const disk = await mkdtemp(join(root, 'disk-'));
    const result = await tryDisk(disk, 'ro');
    if (result === undefined) return context.skip(NO_MOUNT);
    const refused = { code: 'folder-unwritable', exit: 74, where: join(disk, 'last') };
    expect(result).toEqual({ small: refused, large: refused, files: [] });
  });
});

describe('openStore', () => {
  it('opens a folder by its path or its file:// URI', async () => {
    const folder = await mkdtemp(join(root, 'store-'));
    await openStore(folder).write('a', 'x');
    expect((await openStore(`file://${folder}`).read('a')).toString()).toBe('x');
    expect(openStore('.carpal/artifacts').uri).toBe(join(process.cwd(), '.carpal/artifacts'));
  });

  it('opens s3:// without accessing the network', () => {
    expect(openStore('s3://hands/team/x/').uri).toBe('s3://hands/team/x');
    expect(openStore('S3://hands').uri).toBe('s3://hands');
  });

  it.each(['https://host/a', 'S3://b', 's3://', 's3://Bones/x', 's3:///x', '', ' ', 'file://host/a'])('refuses "%s"', (uri) => {
    expect(() => openStore(uri)).toThrow(expect.objectContaining({ code: 'artifact-store-unsupported', exit: 64 }));
  });
});
