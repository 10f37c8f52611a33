import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import { type FaultyProxy, startFaultyProxy } from '@carpal/testbed/artifacts/faulty-proxy.ts';
import { type S3Server, s3EnvironmentFor, startS3Server } from '@carpal/testbed/artifacts/s3-server.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openS3Store } from './s3-store.ts';

let server: S3Server;
let proxy: FaultyProxy;
let folder = '';
beforeAll(async () => {
  server = await startS3Server();
  await server.makeBucket('hands');
  proxy = await startFaultyProxy(server.port);
  folder = await mkdtemp(join(tmpdir(), 'carpal-s3-endpoints-'));
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

const options = () => ({ checkoutFolder: join(folder, 'checkout'), retryForMs: 0, timeoutMs: 1000 });

/** What every use of the store ends with. */
async function endings(): Promise<Record<string, unknown>> {
  const store = openS3Store('s3://hands/x', options());
  const uses: Record<string, () => Promise<unknown>> = {
    read: () => store.readIfPresent('a'),
    readIfChanged: () => store.readIfChanged('a'),
    write: () => store.write('a', 'x'),
    writeIfUnchanged: () => store.writeIfUnchanged('a', 'x', undefined),
    list: () => store.list(''),
    remove: () => store.remove('a'),
    checkout: () => store.checkout('set'),
  };
  const found: Record<string, unknown> = {};
  for (const [name, use] of Object.entries(uses)) {
    found[name] = await use().then(
      (value) => `succeeded with ${String(value)}`,
      (error: unknown) => (error instanceof CarpalError ? error.exit : String(error)),
    );
  }
  return found;
}
const ALL_74 = Object.fromEntries(
  ['read', 'readIfChanged', 'write', 'writeIfUnchanged', 'list', 'remove', 'checkout'].map((name) => [name, 74]),
);

const PAGE = '<!DOCTYPE html><html><head><title>Sign in</title></head><body><p>Sign in to the network</p></body></html>';

/** A server that answers every connection with this text. */
async function startSpeaker(text: string): Promise<Server> {
  const speaker = createServer((socket) => void socket.on('error', () => socket.destroy()).end(text));
  await new Promise<void>((done) => void speaker.listen(0, '127.0.0.1', done));
  return speaker;
}

describe('an endpoint that is not a store', () => {
  it.each([
    ['a page of a proxy as if it were the answer', { status: 200, html: PAGE }],
    ['an empty page as if it were the answer', { status: 200, html: '' }],
    ['a page that says not found', { status: 404, html: PAGE }],
    ['an empty answer that says not found', { status: 404, html: '' }],
    ['a page that says forbidden', { status: 403, html: PAGE }],
    ['a page that says that the gateway failed', { status: 502, html: PAGE }],
    ['a redirection', { status: 302, html: PAGE }],
  ])('ends every use with exit 74 when it returns %s', async (_, fault) => {
    proxy.set(fault);
    expect(await endings()).toEqual(ALL_74);
  });

  it('ends every use with exit 74 when it does not speak TLS', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', `https://127.0.0.1:${server.port}`);
    expect(await endings()).toEqual(ALL_74);
  });

  it.each(['SSH-2.0-OpenSSH_9.6\r\n', '220 mail.example.com ready\r\n'])('ends every use with exit 74 when it says %j', async (text) => {
    const speaker = await startSpeaker(text);
    const address = speaker.address();
    vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
    expect(await endings()).toEqual(ALL_74);
    speaker.close();
  });

  it('ends every use with exit 74 when its address is no URL', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', 'store.example.com:9000');
    expect(await endings()).toEqual(ALL_74);
  });
});

describe('credentials that a service refuses to issue', () => {
  it.each(['ExpiredTokenException', 'InvalidIdentityToken', 'AccessDenied'])('end every use with exit 74: %s', async (name) => {
    proxy.set({ status: 400, code: name, message: 'the token of the service account was refused' });
    expect(await endings()).toEqual(ALL_74);
  });
});

describe('the transfers of a store', () => {
  it('count a part once, however often it is sent again', async () => {
    let [parts, waits] = [0, 0];
    const store = openS3Store('s3://hands/parts', {
      ...options(),
      retryForMs: 60_000,
      multipartBytes: 2 ** 20,
      onWait: () => {
        waits += 1;
        proxy.set('pass');
      },
    });
    store.onTransfer(() => {
      parts += 1;
    });
    const large = Buffer.alloc(96 * 2 ** 20, 'bone');
    await store.write('a', large);
    expect([waits, parts]).toEqual([0, 6]);
    // The upload starts over after it has sent some parts.
    proxy.set('pass');
    proxy.after(6, () => proxy.set('drop'));
    await store.write('b', large);
    expect(waits).toBeGreaterThan(0);
    expect(parts).toBe(12);
  });
});
