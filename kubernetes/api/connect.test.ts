import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeApiServer, fault } from '@carpal/testbed/kubernetes/fake-api-server.ts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiError } from './api-error.ts';
import { type Connection, connect, type SeenRequest } from './connect.ts';
import type { KubernetesObject, WatchEvent } from './objects.ts';
import { JOBS, resourcePath } from './resource-path.ts';

const COLLECTION = resourcePath(JOBS, { namespace: 'default' });
const job = (name: string, fields: object = {}): KubernetesObject => ({ metadata: { name }, ...fields });

let server: FakeApiServer;
let client: Connection;
let seen: SeenRequest[];
const stop = new AbortController();

beforeEach(async () => {
  server = await FakeApiServer.start();
  seen = [];
  client = await connect({ server: server.url, timeoutMs: 5000, onRequest: (one) => seen.push(one) });
});
afterEach(async () => {
  client.close();
  await server.stop();
});

const failure = (promise: Promise<unknown>): Promise<ApiError> =>
  promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(ApiError);
      return error as ApiError;
    },
  );

async function eventsOf(
  path: string,
  options: { inactivityMs?: number; signal?: AbortSignal } = {},
): Promise<WatchEvent<KubernetesObject>[]> {
  const events: WatchEvent<KubernetesObject>[] = [];
  const watch = client.watch<WatchEvent<KubernetesObject>>({ path, signal: stop.signal, inactivityMs: 5000, ...options });
  for await (const event of watch) events.push(event);
  return events;
}

describe('a request', () => {
  it('creates, reads, replaces and removes an object as JSON, with a user agent', async () => {
    const made = await client.request<KubernetesObject>({ method: 'POST', path: COLLECTION, body: job('wrist') });
    expect(made.metadata).toMatchObject({ name: 'wrist', namespace: 'default', resourceVersion: '101' });
    const path = `${COLLECTION}/wrist`;
    expect(await client.request({ method: 'GET', path })).toEqual(made);
    await client.request({ method: 'PUT', path, body: { ...made, spec: { suspend: true } } });
    await client.request({ method: 'DELETE', path });
    expect((await failure(client.request({ method: 'GET', path }))).reason).toBe('NotFound');
    expect(server.requests[0]?.headers).toMatchObject({ 'content-type': 'application/json' });
    expect(server.requests[0]?.headers['user-agent']).toMatch(/^carpal\/\d/);
  });

  it('sends each kind of patch under its own media type', async () => {
    server.change((objects) => objects.create(COLLECTION, job('wrist')));
    const path = `${COLLECTION}/wrist`;
    await client.request({ method: 'PATCH', path, patch: 'apply', body: job('wrist'), query: { fieldManager: 'carpal', force: true } });
    await client.request({ method: 'PATCH', path, patch: 'merge', body: job('wrist') });
    expect(server.requests.map(({ headers }) => headers['content-type'])).toEqual([
      'application/apply-patch+yaml',
      'application/merge-patch+json',
    ]);
    expect(server.requests[0]?.query.toString()).toBe('fieldManager=carpal&force=true');
  });

  it('shares one socket with earlier requests', async () => {
    for (let i = 0; i < 50; i++) await client.request({ method: 'GET', path: COLLECTION });
    expect(new Set(server.requests.map(({ socket }) => socket)).size).toBe(1);
  });

  it('reports the reason of a rejection and how long the server asks to wait', async () => {
    server.next('list', fault.reject(429, 'TooManyRequests', { 'retry-after': '3' }));
    const error = await failure(client.request({ method: 'GET', path: COLLECTION }));
    expect(error).toMatchObject({ status: 429, reason: 'TooManyRequests', retryAfterMs: 3000 });
    expect(error.message).toContain(`GET ${COLLECTION}`);
  });

  it('reports a rejection without a Status object by its HTTP code', async () => {
    server.next('list', (response) => void response.writeHead(503).end('<html>upstream is away</html>'));
    expect(await failure(client.request({ method: 'GET', path: COLLECTION }))).toMatchObject({ status: 503, reason: 'ServiceUnavailable' });
  });

  it('reports a conflict', async () => {
    server.change((objects) => objects.create(COLLECTION, job('wrist')));
    const body = { metadata: { name: 'wrist', resourceVersion: '1' } };
    expect(await failure(client.request({ method: 'PUT', path: `${COLLECTION}/wrist`, body }))).toMatchObject({
      status: 409,
      reason: 'Conflict',
    });
  });

  it('fails when the answer is late, breaks off, or is not JSON', async () => {
    server.next('list', fault.hang(), fault.cut(), fault.text('garbage'));
    expect(await failure(client.request({ method: 'GET', path: COLLECTION, timeoutMs: 30 }))).toMatchObject({
      status: 0,
      reason: 'Timeout',
    });
    expect(await failure(client.request({ method: 'GET', path: COLLECTION }))).toMatchObject({ status: 0, reason: 'NoAnswer' });
    expect(await failure(client.request({ method: 'GET', path: COLLECTION }))).toMatchObject({ reason: 'InvalidAnswer' });
  });

  it('fails in time when the answer begins and then stalls', async () => {
    server.next('list', (response) => void response.writeHead(200).write('{"items": ['));
    expect(await failure(client.request({ method: 'GET', path: COLLECTION, timeoutMs: 50 }))).toMatchObject({
      status: 0,
      reason: 'Timeout',
    });
  });

  it('ends when the caller aborts, before and after it was sent', async () => {
    expect(await failure(client.request({ method: 'GET', path: COLLECTION, signal: AbortSignal.abort() }))).toMatchObject({
      reason: 'Aborted',
    });
    const gaveUp = new AbortController();
    server.next('list', () => gaveUp.abort());
    expect(await failure(client.request({ method: 'GET', path: COLLECTION, signal: gaveUp.signal }))).toMatchObject({ reason: 'Aborted' });
  });

  it('fails when no server listens', async () => {
    await server.stop();
    expect(await failure(client.request({ method: 'GET', path: COLLECTION }))).toMatchObject({ status: 0, reason: 'NoAnswer' });
  });

  it('is counted by its action', async () => {
    server.next('list', fault.reject(500, 'InternalError'));
    await failure(client.request({ method: 'GET', path: COLLECTION }));
    await client.request({ method: 'GET', path: COLLECTION });
    await client.request({ method: 'POST', path: COLLECTION, body: job('wrist') });
    expect(client.requests()).toEqual([
      { verb: 'list', group: 'batch', resource: 'jobs', count: 2 },
      { verb: 'create', group: 'batch', resource: 'jobs', count: 1 },
    ]);
    expect(seen.map(({ verb, code }) => [verb, code])).toEqual([
      ['list', 500],
      ['list', 200],
      ['create', 201],
    ]);
  });
});

describe('a watch', () => {
  it('delivers events in order and complete, however the stream is cut into chunks', async () => {
    const events = [1, 2, 3].map((i) => ({ type: 'ADDED', object: job(`손목-${i}`, { text: 'é'.repeat(i * 10) }) }));
    const bytes = Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    const send = (response: ServerResponse, from: number): void => {
      if (from < bytes.length) response.write(bytes.subarray(from, from + 7), () => send(response, from + 7));
      else response.end();
    };
    server.next('watch', (response) => send(response.writeHead(200), 0));
    expect(await eventsOf(COLLECTION)).toEqual(events);
  });

  it('delivers an object of several megabytes', async () => {
    const event = { type: 'ADDED', object: job('big', { text: 'x'.repeat(3_000_000) }) };
    server.next('watch', fault.text(`${JSON.stringify(event)}\n`));
    expect(await eventsOf(COLLECTION)).toEqual([event]);
  });

  it('fails on a line that is not JSON instead of skipping it', async () => {
    server.next('watch', fault.text('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":"ADD\n'));
    expect(await failure(eventsOf(COLLECTION))).toMatchObject({ reason: 'InvalidAnswer' });
  });

  it('fails when the stream ends within a line or is cut', async () => {
    server.next('watch', fault.text('{"type":"ADDED"'));
    expect(await failure(eventsOf(COLLECTION))).toMatchObject({ reason: 'NoAnswer' });
    server.next('watch', (response) => {
      response.writeHead(200).write('{"type":"ADDED","object":{}}\n', () => response.destroy());
    });
    expect(await failure(eventsOf(COLLECTION))).toMatchObject({ reason: 'NoAnswer' });
  });

  it('fails when nothing arrives for too long: neither an answer nor an event', async () => {
    server.next('watch', fault.hang());
    expect(await failure(eventsOf(COLLECTION, { inactivityMs: 30 }))).toMatchObject({ reason: 'Timeout' });
    expect(await failure(eventsOf(COLLECTION, { inactivityMs: 30 }))).toMatchObject({ reason: 'Timeout' });
  });

  it('does not count the time that the consumer needs for events', async () => {
    server.next('watch', fault.text('{"type":"ADDED","object":{}}\n{"type":"ADDED","object":{}}\n'));
    let events = 0;
    for await (const _ of client.watch({ path: COLLECTION, signal: stop.signal, inactivityMs: 40 })) {
      events += 1;
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(events).toBe(2);
  });

  it('ends without an error when the caller aborts, and closes its connection', async () => {
    const gaveUp = new AbortController();
    server.next('watch', (_response, _request, serve) => {
      serve();
      gaveUp.abort();
    });
    expect(await eventsOf(COLLECTION, { signal: gaveUp.signal })).toEqual([]);
    await expect.poll(() => server.openWatches, { interval: 5 }).toBe(0);
  });

  it('closes its connection when the consumer stops early', async () => {
    server.change((objects) => objects.create(COLLECTION, job('wrist')));
    for await (const _ of client.watch({ path: COLLECTION, query: { resourceVersion: 0 }, signal: stop.signal, inactivityMs: 5000 })) break;
    await expect.poll(() => server.openWatches, { interval: 5 }).toBe(0);
  });

  it('reports that it could not be opened', async () => {
    server.next('watch', fault.reject(410, 'Expired'));
    expect(await failure(eventsOf(COLLECTION))).toMatchObject({ status: 410, reason: 'Expired' });
  });
});

describe('credentials', () => {
  let folder: string;
  let server: Server;
  let authorizations: (string | undefined)[];
  let answerCode: number;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'carpal-credentials-'));
    authorizations = [];
    answerCode = 200;
    server = createServer((request, response) => {
      authorizations.push(request.headers.authorization);
      response.writeHead(answerCode).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  function kubeconfig(user: object): string {
    const file = join(folder, 'config');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    writeFileSync(
      file,
      JSON.stringify({
        'current-context': 'test',
        contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'team' } }],
        clusters: [{ name: 'test', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
        users: [{ name: 'test', user }],
      }),
    );
    return file;
  }
  const get = (connection: Connection): Promise<unknown> => connection.request({ method: 'GET', path: '/version' });

  it('can be a token in a kubeconfig, which also gives the namespace', async () => {
    const connection = await connect({ kubeconfig: kubeconfig({ token: 'secret' }) });
    await get(connection);
    expect(authorizations).toEqual(['Bearer secret']);
    expect(connection.namespace).toBe('team');
    connection.close();
  });

  it('from a plugin are requested once for concurrent requests, and again after the server has rejected them', async () => {
    const script = join(folder, 'plugin.sh');
    const credential = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"token-$n"}}';
    writeFileSync(
      script,
      `n=$(($(cat ${folder}/count 2>/dev/null || echo 0) + 1)); echo $n > ${folder}/count\ncat <<END\n${credential}\nEND\n`,
    );
    const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'sh', args: [script], interactiveMode: 'Never' };
    const connection = await connect({ kubeconfig: kubeconfig({ exec }) });
    await Promise.all([get(connection), get(connection), get(connection)]);
    answerCode = 401;
    expect((await failure(get(connection))).reason).toBe('Unauthorized');
    answerCode = 200;
    await get(connection);
    expect(authorizations).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-1', 'Bearer token-1', 'Bearer token-2']);
    connection.close();
  });

  it('without a cluster are an error that names the file', async () => {
    const missing = join(folder, 'nowhere');
    await expect(connect({ kubeconfig: missing })).rejects.toMatchObject({ code: 'kubeconfig-invalid', where: missing });
    await expect(connect({ kubeconfig: kubeconfig({}), context: 'other' })).rejects.toMatchObject({ code: 'kubeconfig-invalid' });
  });
});
