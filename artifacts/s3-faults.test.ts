import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CarpalError, formatError } from '@carpal/configs/errors.ts';
import { type FaultyProxy, startFaultyProxy } from '@carpal/testbed/artifacts/faulty-proxy.ts';
import { type S3Server, s3EnvironmentFor, startS3Server, TEST_ACCESS_KEY, TEST_SECRET } from '@carpal/testbed/artifacts/s3-server.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openS3Store, type S3StoreOptions } from './s3-store.ts';
import type { ArtifactStore } from './store.ts';

let server: S3Server;
let proxy: FaultyProxy;
let folder = '';
let stores = 0;
beforeAll(async () => {
  server = await startS3Server();
  await server.makeBucket('hands');
  proxy = await startFaultyProxy(server.port);
  folder = await mkdtemp(join(tmpdir(), 'carpal-s3-faults-'));
});
beforeEach(() => {
  vi.unstubAllEnvs();
  proxy.set('pass');
  for (const [name, value] of Object.entries(s3EnvironmentFor(proxy.port))) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await proxy?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const open = (options: S3StoreOptions = {}): ArtifactStore =>
  openS3Store(`s3://hands/${++stores}`, { checkoutFolder: join(folder, `checkout-${stores}`), ...options });
const impatient = { patienceMs: 0, timeoutMs: 300 };

describe('a store that is away for a while', () => {
  it.each([
    ['drops connections', 'drop'],
    ['is overloaded', { status: 503, code: 'SlowDown' }],
    ['fails', { status: 500, code: 'InternalError' }],
    ['is hidden by a proxy that speaks HTML', { status: 502, code: '<html>' }],
    ['cuts its answers short', 120],
    ['says nothing', 'stall'],
  ] as const)('is waited for when it %s, by reads, writes and checkouts', async (_what, fault) => {
    const waits: string[] = [];
    let back = 0;
    const store = open({
      timeoutMs: 200,
      onWait: (line) => {
        waits.push(line);
        back += 1;
        proxy.set('pass');
      },
    });
    await store.write('set/a', 'x'.repeat(1000));
    const uses: readonly (() => Promise<unknown>)[] = [
      () => store.write('set/b', 'y'.repeat(1000)),
      () => store.read('set/a'),
      () => store.checkout('set'),
    ];
    for (const use of uses) {
      proxy.set(fault);
      await use();
    }
    expect(back).toBeGreaterThanOrEqual(uses.length);
    expect(waits[0]).toMatch(/^s3:\/\/hands\/\d+ is away \(.+\); trying again in \d\.\d s$/);
    expect((await store.list('')).map(({ key }) => key)).toEqual(['set/a', 'set/b']);
  });

  it('is asked whose version it has when the answer to a conditional write was lost', async () => {
    const store = open({ timeoutMs: 200, onWait: () => proxy.set('pass') });
    let tag: string | undefined;
    for (const content of ['the first', 'the second']) {
      proxy.set(20);
      const written = await store.writeIfUnchanged('a', content, tag);
      if (written === 'changed') throw new Error(`${content} was taken for the write of another`);
      expect(await store.readIfChanged('a', written.tag)).toBe('unchanged');
      expect((await store.read('a')).toString()).toBe(content);
      tag = written.tag;
    }
    await store.write('a', 'of another');
    proxy.set(20);
    expect(await store.writeIfUnchanged('a', 'the third', tag)).toBe('changed');
  });

  it('is named when it stays away, with what it said last, and no secret', async () => {
    const store = open(impatient);
    for (const fault of ['drop', 'stall', { status: 503, code: 'SlowDown', message: 'Please reduce your request rate' }] as const) {
      proxy.set(fault);
      await expect(store.read('a')).rejects.toMatchObject({ code: 'store-unreachable', exit: 69, where: `${store.uri}/a` });
    }
    await expect(store.write('a', 'x')).rejects.toMatchObject({ message: expect.stringContaining('SlowDown (HTTP 503), Please reduce') });
  });

  it('is named when nothing listens there', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
    await expect(open(impatient).list('')).rejects.toMatchObject({
      code: 'store-unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe('a store that refuses', () => {
  const refusal = async (store: ArtifactStore): Promise<string> => {
    try {
      await store.write('a', 'x');
    } catch (error) {
      if (error instanceof CarpalError) return formatError(error);
      throw error;
    }
    return 'it wrote';
  };

  it('is named with its own words, at once, and without keys', async () => {
    const message = `User: arn:aws:iam::123456789012:user/kim (${TEST_ACCESS_KEY}) is not authorized to perform: s3:PutObject, ${TEST_SECRET}`;
    proxy.set({ status: 403, code: 'AccessDenied', message });
    const text = await refusal(open());
    expect(proxy.requests).toBe(1);
    expect(text).toContain('store-denied: the artifact store refuses: AccessDenied (HTTP 403), User: arn:aws:iam::123456789012:user/kim');
    expect(text).not.toContain(TEST_ACCESS_KEY);
    expect(text).not.toContain(TEST_SECRET);
  });

  it('is named for a key that it does not know, and for a wrong secret', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIANOBODYNOBODY1234');
    const text = await refusal(open());
    expect(text).toContain('store-denied');
    expect(text).not.toContain('AKIANOBODY');
    vi.stubEnv('AWS_ACCESS_KEY_ID', TEST_ACCESS_KEY);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'another');
    expect(await refusal(open())).toContain('SignatureDoesNotMatch');
  });

  it('says that there are no credentials', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
    expect(await refusal(open())).toContain('store-denied: there are no credentials for the artifact store');
  });

  it('waits for credentials that a service of the pod will give', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', 'http://127.0.0.1:1/credentials');
    let waits = 0;
    const store = open({
      onWait: () => {
        waits += 1;
        vi.stubEnv('AWS_ACCESS_KEY_ID', TEST_ACCESS_KEY);
        vi.stubEnv('AWS_SECRET_ACCESS_KEY', TEST_SECRET);
      },
    });
    await store.write('a', 'x');
    expect(waits).toBe(1);
  });

  it('goes on after credentials that went out of date', async () => {
    proxy.set({ status: 400, code: 'ExpiredToken' });
    const store = open({ onWait: () => proxy.set('pass') });
    await store.write('a', 'x');
    proxy.set({ status: 400, code: 'ExpiredToken' });
    await expect(open(impatient).read('a')).rejects.toMatchObject({ code: 'store-denied', exit: 78 });
  });
});

describe('a store that is not there', () => {
  it('is named for a bucket that does not exist, and nothing is taken for absent', async () => {
    const store = openS3Store('s3://no-such-bucket/x');
    const uses = [() => store.write('a', 'x'), () => store.readIfPresent('a'), () => store.list(''), () => store.remove('a')];
    for (const use of [...uses, () => store.checkout('')])
      await expect(use()).rejects.toMatchObject({ code: 'store-misplaced', exit: 78, message: expect.stringContaining('NoSuchBucket') });
  });

  it('is named for a region that is missing', async () => {
    for (const name of ['AWS_ENDPOINT_URL', 'AWS_REGION', 'AWS_DEFAULT_REGION']) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
    await expect(open().list('')).rejects.toMatchObject({ code: 'store-misplaced', message: expect.stringContaining('Region is missing') });
  });

  it.each(['s3://AKIATESTTESTTEST1234:very-secret@hands/x', 's3://Hands', 's3:///x'])('refuses %s without repeating secrets', (uri) => {
    expect(() => openS3Store(uri)).toThrow(expect.objectContaining({ code: 'artifact-store-unsupported', exit: 64 }));
    expect(() => openS3Store(uri)).not.toThrow(/very-secret|AKIA/);
  });
});

describe('a checkout', () => {
  const names = Array.from({ length: 40 }, (_, index) => `set/images/${index}.u8`);

  it('goes on where it was cut off, and the second one downloads nothing', async () => {
    const store = open(impatient);
    await Promise.all(names.map(async (key) => store.write(key, key)));
    proxy.set('pass');
    proxy.after(20, () => proxy.set('drop'));
    await expect(store.checkout('set')).rejects.toMatchObject({ code: 'store-unreachable' });
    expect(await readdir(join(folder, `checkout-${stores}`, 'trees'))).toEqual([]);
    proxy.set('pass');
    const tree = await store.checkout('set');
    // Two lists, and what had not come before.
    expect(proxy.requests).toBeGreaterThan(2);
    expect(proxy.requests).toBeLessThan(42);
    for (const key of names) expect(await readFile(join(tree, key.slice(4)), 'utf8')).toBe(key);
    proxy.set('pass');
    expect(await store.checkout('set')).toBe(tree);
    expect(proxy.requests).toBe(2);
  });

  it('takes what is there now when an object is written again after the listing', async () => {
    const store = open();
    await store.write('set/a', 'former');
    const other = openS3Store(store.uri);
    proxy.set('pass');
    let written: Promise<void> | undefined;
    // The lists are the first two requests; the download is held back by going through the other write first.
    proxy.after(2, () => {
      written = other.write('set/a', 'newer!');
    });
    const tree = await store.checkout('set');
    await written;
    expect(['former', 'newer!']).toContain(await readFile(join(tree, 'a'), 'utf8'));
    expect(await readFile(join(await store.checkout('set'), 'a'), 'utf8')).toBe('newer!');
  });

  it('mends a copy of which a file was taken, and is whole for many at once', async () => {
    const store = open();
    await Promise.all(names.map(async (key) => store.write(key, key)));
    const trees = await Promise.all([1, 2, 3].map(async () => store.checkout('set')));
    expect(new Set(trees).size).toBe(1);
    const [tree = ''] = trees;
    await rm(join(tree, 'images/7.u8'));
    await store.checkout('set');
    expect(await readdir(join(tree, 'images'))).toHaveLength(40);
    expect((await readdir(join(tree, '..'))).length).toBe(1);
  });

  it('leaves out the markers of folders, and refuses a folder for copies that is a link', async () => {
    const store = open();
    await store.write('set/a', 'x');
    await server.makeBucket(`hands/${stores}/set/empty`);
    expect((await store.list('')).map(({ key }) => key)).toEqual(['set/a']);
    expect(await readdir(await store.checkout('set'))).toEqual(['a']);
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    const bad = openS3Store(store.uri, { checkoutFolder: file });
    await expect(bad.checkout('set')).rejects.toMatchObject({ code: 'folder-unwritable', where: file });
  });
});

describe('large objects', () => {
  it('go up in parts, whole or not at all', async () => {
    const store = open({ multipartBytes: 2 ** 20, patienceMs: 0, timeoutMs: 2000 });
    const large = Buffer.alloc(24 * 2 ** 20, 'carpal bones ');
    await store.write('last', 'the former one');
    proxy.set('pass');
    proxy.after(3, () => proxy.set('drop'));
    await expect(store.write('last', large)).rejects.toMatchObject({ code: 'store-unreachable' });
    proxy.set('pass');
    expect((await store.read('last')).toString()).toBe('the former one');
    await store.write('last', large);
    expect((await store.read('last')).equals(large)).toBe(true);
    await writeFile(join(folder, 'large'), large);
    await store.publish(folder, 'kept');
    expect((await store.read('kept/large')).equals(large)).toBe(true);
  });
});

it('loads no SDK until the first use', async () => {
  const program = `
    import { registerHooks } from 'node:module';
    let loaded = 0;
    registerHooks({ load: (url, context, next) => { if (url.includes('@aws-sdk')) loaded += 1; return next(url, context); } });
    const { openStore } = await import(process.argv[1]);
    const store = openStore('s3://hands/x', { patienceMs: 0 });
    const before = loaded;
    await store.list('').catch(() => undefined);
    console.log(JSON.stringify([before, loaded > 0]));
  `;
  const words = ['--input-type=module', '-e', program, new URL('./open-store.ts', import.meta.url).href];
  expect(JSON.parse((await promisify(execFile)(process.execPath, words)).stdout)).toEqual([0, true]);
});
