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
const withoutRetries = { retryForMs: 0, timeoutMs: 300 };

describe('a store that is temporarily unavailable', () => {
  it.each([
    ['drops connections', 'drop'],
    ['is overloaded', { status: 503, code: 'SlowDown' }],
    ['fails', { status: 500, code: 'InternalError' }],
    ['is behind a proxy that returns HTML', { status: 502, code: '<html>' }],
    ['truncates its responses', 120],
    ['does not respond', 'stall'],
  ] as const)('is retried by reads, writes and checkouts when it %s', async (_what, fault) => {
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
    expect(waits[0]).toMatch(/^s3:\/\/hands\/\d+ is unavailable \(.+\); retrying in \d\.\d s$/);
    expect((await store.list('')).map(({ key }) => key)).toEqual(['set/a', 'set/b']);
  });

  it('is asked which version it has when the response to a conditional write was lost', async () => {
    const store = open({ timeoutMs: 200, onWait: () => proxy.set('pass') });
    let tag: string | undefined;
    for (const content of ['the first', 'the second']) {
      proxy.set(20);
      const written = await store.writeIfUnchanged('a', content, tag);
      if (written === 'changed') throw new Error(`${content} was treated as a write of another process`);
      expect(await store.readIfChanged('a', written.tag)).toBe('unchanged');
      expect((await store.read('a')).toString()).toBe(content);
      tag = written.tag;
    }
    await store.write('a', 'of another');
    proxy.set(20);
    expect(await store.writeIfUnchanged('a', 'the third', tag)).toBe('changed');
  });

  it('is reported when it stays unavailable, with its last response and without secrets', async () => {
    const store = open(withoutRetries);
    for (const fault of ['drop', 'stall', { status: 503, code: 'SlowDown', message: 'Please reduce your request rate' }] as const) {
      proxy.set(fault);
      await expect(store.read('a')).rejects.toMatchObject({ code: 'store-unreachable', exit: 74, where: `${store.uri}/a` });
    }
    await expect(store.write('a', 'x')).rejects.toMatchObject({ message: expect.stringContaining('SlowDown (HTTP 503), Please reduce') });
  });

  it('is reported when nothing listens at the endpoint', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', 'http://127.0.0.1:1');
    await expect(open(withoutRetries).list('')).rejects.toMatchObject({
      code: 'store-unreachable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe('a store that denies access', () => {
  const refusal = async (store: ArtifactStore): Promise<string> => {
    try {
      await store.write('a', 'x');
    } catch (error) {
      if (error instanceof CarpalError) return formatError(error);
      throw error;
    }
    return 'the write succeeded';
  };

  it('is reported immediately with its own message, without keys', async () => {
    const message = `User: arn:aws:iam::123456789012:user/kim (${TEST_ACCESS_KEY}) is not authorized to perform: s3:PutObject, ${TEST_SECRET}`;
    proxy.set({ status: 403, code: 'AccessDenied', message });
    const text = await refusal(open());
    expect(proxy.requests).toBe(1);
    expect(text).toContain(
      'store-denied: the artifact store denied access: AccessDenied (HTTP 403), User: arn:aws:iam::123456789012:user/kim',
    );
    expect(text).not.toContain(TEST_ACCESS_KEY);
    expect(text).not.toContain(TEST_SECRET);
  });

  it('is reported for an unknown access key and for a wrong secret', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIATESTTESTTEST9999');
    const text = await refusal(open());
    expect(text).toContain('store-denied');
    expect(text).not.toContain('AKIATESTTEST');
    vi.stubEnv('AWS_ACCESS_KEY_ID', TEST_ACCESS_KEY);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'another');
    expect(await refusal(open())).toContain('SignatureDoesNotMatch');
  });

  it('is reported as missing credentials if there are none', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
    expect(await refusal(open())).toContain('store-denied: no credentials found for the artifact store');
  });

  it('is retried until a service of the pod provides credentials', async () => {
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

  it('is retried when credentials have expired', async () => {
    proxy.set({ status: 400, code: 'ExpiredToken' });
    const store = open({ onWait: () => proxy.set('pass') });
    await store.write('a', 'x');
    proxy.set({ status: 400, code: 'ExpiredToken' });
    await expect(open(withoutRetries).read('a')).rejects.toMatchObject({ code: 'store-denied', exit: 74 });
  });
});

describe('a store that does not exist', () => {
  it('is reported for a missing bucket by every method, and no object counts as absent', async () => {
    const store = openS3Store('s3://no-such-bucket/x');
    const uses = [() => store.write('a', 'x'), () => store.readIfPresent('a'), () => store.list(''), () => store.remove('a')];
    for (const use of [...uses, () => store.checkout('')])
      await expect(use()).rejects.toMatchObject({ code: 'store-misplaced', exit: 74, message: expect.stringContaining('NoSuchBucket') });
  });

  it('is reported for a missing region', async () => {
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

  it('continues after an interruption, and a second checkout downloads nothing', async () => {
    const store = open(withoutRetries);
    await Promise.all(names.map(async (key) => store.write(key, key)));
    proxy.set('pass');
    proxy.after(20, () => proxy.set('drop'));
    await expect(store.checkout('set')).rejects.toMatchObject({ code: 'store-unreachable' });
    expect(await readdir(join(folder, `checkout-${stores}`, 'trees'))).toEqual([]);
    proxy.set('pass');
    const tree = await store.checkout('set');
    // Two lists, and the objects that were not downloaded before.
    expect(proxy.requests).toBeGreaterThan(2);
    expect(proxy.requests).toBeLessThan(42);
    for (const key of names) expect(await readFile(join(tree, key.slice(4)), 'utf8')).toBe(key);
    proxy.set('pass');
    expect(await store.checkout('set')).toBe(tree);
    expect(proxy.requests).toBe(2);
  });

  it('contains the current version when an object is written again after the listing', async () => {
    const store = open();
    await store.write('set/a', 'older!');
    const other = openS3Store(store.uri);
    proxy.set('pass');
    let written: Promise<void> | undefined;
    // The lists are the first two requests, so the other write starts before the download.
    proxy.after(2, () => {
      written = other.write('set/a', 'newer!');
    });
    const tree = await store.checkout('set');
    await written;
    expect(['older!', 'newer!']).toContain(await readFile(join(tree, 'a'), 'utf8'));
    expect(await readFile(join(await store.checkout('set'), 'a'), 'utf8')).toBe('newer!');
  });

  it('restores a copy from which a file was removed, and is complete for concurrent callers', async () => {
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

  it('skips folder markers, and refuses a checkout folder that is a file', async () => {
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
  it('are uploaded in parts, completely or not at all', async () => {
    const store = open({ multipartBytes: 2 ** 20, retryForMs: 0, timeoutMs: 2000 });
    const large = Buffer.alloc(24 * 2 ** 20, 'carpal bones ');
    await store.write('last', 'the old one');
    proxy.set('pass');
    proxy.after(3, () => proxy.set('drop'));
    await expect(store.write('last', large)).rejects.toMatchObject({ code: 'store-unreachable' });
    proxy.set('pass');
    expect((await store.read('last')).toString()).toBe('the old one');
    await store.write('last', large);
    expect((await store.read('last')).equals(large)).toBe(true);
    await writeFile(join(folder, 'large'), large);
    await store.publish(folder, 'kept');
    expect((await store.read('kept/large')).equals(large)).toBe(true);
  });
});

it('an S3 store does not load the SDK before the first use', async () => {
  const program = `
    import { registerHooks } from 'node:module';
    let loaded = 0;
    registerHooks({ load: (url, context, next) => { if (url.includes('@aws-sdk')) loaded += 1; return next(url, context); } });
    const { openStore } = await import(process.argv[1]);
    const store = openStore('s3://hands/x', { retryForMs: 0 });
    const before = loaded;
    await store.list('').catch(() => undefined);
    console.log(JSON.stringify([before, loaded > 0]));
  `;
  const parameters = ['--input-type=module', '-e', program, new URL('./open-store.ts', import.meta.url).href];
  expect(JSON.parse((await promisify(execFile)(process.execPath, parameters)).stdout)).toEqual([0, true]);
});
