import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useControlPlane } from '@carpal/testbed/cluster/use-control-plane.ts';
import { describe, expect, it, vi } from 'vitest';
import { isStatus } from '../api/api-error.ts';
import { connect } from '../api/connect.ts';
import type { KubernetesObject, ObjectList } from '../api/objects.ts';
import { CONFIG_MAPS, EVENTS, LEASES, resourcePath } from '../api/resource-path.ts';
import { recordEvents } from './event-recorder.ts';
import { electLeader } from './leader-election.ts';
import type { Lease } from './lease.ts';
import { createReflector } from './reflector.ts';

const cluster = useControlPlane();
const soon = (check: () => void | Promise<void>): Promise<void> => vi.waitFor(check, { interval: 20, timeout: 20_000 });
const NOTES = { labelSelector: 'test=reflector' };
type Note = KubernetesObject & { readonly data?: Readonly<Record<string, string>> };
const note = (name: string, text: string): Note => ({ metadata: { name, labels: { test: 'reflector' } }, data: { text } });

describe('on a real API server', () => {
  it('a reflector lists in pages, follows changes and applies own writes, and a resync finds nothing to repair', async () => {
    const { client, namespace } = cluster();
    const path = resourcePath(CONFIG_MAPS, { namespace });
    const create = (name: string): Promise<Note> => client.request<Note>({ method: 'POST', path, body: note(name, 'first') });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name);
    const stop = new AbortController();
    const reported: string[] = [];
    const reflector = createReflector<Note, Note>({
      ...{
        client,
        path,
        query: NOTES,
        keep: ({ metadata, data = {} }) => ({ metadata, data }),
        pageSize: 2,
        random: () => 0.5,
        resyncMs: 1500,
      },
      onChange: ({ type, object, source }) => reported.push(`${type} ${object.metadata.name} by ${source}`),
    });
    const running = reflector.run(stop.signal);
    await reflector.synced;
    expect(reflector.list().map(({ metadata }) => metadata.name)).toEqual(['a', 'b', 'c', 'd', 'e']);

    const own = await create('own');
    reflector.absorb(own);
    expect(reflector.get(`${namespace}/own`)?.data).toEqual({ text: 'first' });
    const body = { apiVersion: 'v1', kind: 'ConfigMap', ...note('a', 'second') };
    await client.request({ method: 'PATCH', path: `${path}/a`, patch: 'apply', query: { fieldManager: 'test', force: true }, body });
    await client.request({ method: 'DELETE', path: `${path}/b` });
    await soon(() => expect(reflector.get(`${namespace}/b`)).toBeUndefined());
    expect(reflector.get(`${namespace}/a`)?.data).toEqual({ text: 'second' });
    expect(reported.slice(5).toSorted()).toEqual([
      expect.stringMatching(/^added own by (own|watch)$/),
      'deleted b by watch',
      'modified a by watch',
    ]);

    await soon(() => expect(reflector.stats.lists).toBeGreaterThan(1));
    // A change after the list shows that the watch has passed the list.
    await create('later');
    await soon(() => expect(reflector.size).toBe(6));
    expect(reflector.stats).toMatchObject({ repairs: 0, relists: 0, errors: 0 });
    stop.abort();
    await running;
  });

  it('rejections carry the reasons that callers decide by', async () => {
    const { client, namespace } = cluster();
    const path = resourcePath(CONFIG_MAPS, { namespace });
    const made = await client.request<Note>({ method: 'POST', path, body: note('reasons', 'first') });
    const refused = (promise: Promise<unknown>): Promise<unknown> =>
      promise.then(
        () => expect.fail('it was not rejected'),
        (error: unknown) => error,
      );
    expect(await refused(client.request({ method: 'POST', path, body: note('reasons', 'x') }))).toMatchObject({
      status: 409,
      reason: 'AlreadyExists',
    });
    await client.request({ method: 'PUT', path: `${path}/reasons`, body: { ...made, data: { text: 'second' } } });
    expect(await refused(client.request({ method: 'PUT', path: `${path}/reasons`, body: made }))).toMatchObject({
      status: 409,
      reason: 'Conflict',
    });
    expect(await refused(client.request({ method: 'GET', path: `${path}/nothing` }))).toMatchObject({ status: 404, reason: 'NotFound' });
    const limit = { limit: 1, continue: 'garbage' };
    expect(isStatus(await refused(client.request({ method: 'GET', path, query: limit })), 400)).toBe(true);
  });

  it('a server that the certificate authority of the kubeconfig has not signed receives no credentials', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'carpal-authority-'));
    const kubeconfig = join(folder, 'config');
    writeFileSync(kubeconfig, readFileSync(cluster().kubeconfig, 'utf8').replace(/"?certificate-authority[^\n,}]*,?/, ''));
    const client = await connect({ kubeconfig });
    await expect(client.request({ method: 'GET', path: '/version' })).rejects.toMatchObject({ status: 0, reason: 'NoAnswer' });
    client.close();
    rmSync(folder, { recursive: true });
  });

  it('one of two candidates is elected, and the other leads as soon as the first releases the Lease', async () => {
    const { client, namespace } = cluster();
    const stops = [new AbortController(), new AbortController()];
    const leads: number[] = [];
    const stand = (index: number): Promise<void> =>
      electLeader({
        ...{ client, namespace, name: 'election', identity: `candidate-${index}`, retryMs: 100, now: () => new Date(), random: () => 0.5 },
        signal: (stops[index] as AbortController).signal,
        onElected: async (leadership) => {
          leads.push(index);
          await new Promise((resolve) => leadership.addEventListener('abort', resolve, { once: true }));
        },
      });
    const ended = [stand(0), stand(1)];
    await soon(() => expect(leads.length).toBe(1));
    const [first = 0] = leads;
    const lease = await client.request<Lease>({ method: 'GET', path: resourcePath(LEASES, { namespace, name: 'election' }) });
    expect(lease.spec?.renewTime).toMatch(/\.\d{6}Z$/);
    await soon(async () => {
      const renewed = await client.request<Lease>({ method: 'GET', path: resourcePath(LEASES, { namespace, name: 'election' }) });
      expect(renewed.spec?.renewTime).not.toBe(lease.spec?.renewTime);
    });
    stops[first]?.abort();
    await ended[first];
    await soon(() => expect(leads).toEqual([first, 1 - first]));
    stops[1 - first]?.abort();
    await Promise.all(ended);
    expect(leads).toEqual([first, 1 - first]);
  });

  it('events are accepted and can be read', async () => {
    const { client, namespace } = cluster();
    const recorder = recordEvents({ client, component: 'carpal.dev/operator', instance: 'operator-0', now: () => new Date() });
    const regarding = { apiVersion: 'carpal.dev/v1alpha1', kind: 'SegmentationExperiment', namespace, name: 'wrist', uid: 'u1' };
    recorder.record(regarding, [{ type: 'Normal', reason: 'StageStarted', note: 'fold 0, attempt 1' }]);
    await recorder.flush();
    expect(recorder.stats).toMatchObject({ written: 1, lost: 0, waiting: 0 });
    const { items } = await client.request<ObjectList<KubernetesObject & { note: string }>>({
      method: 'GET',
      path: resourcePath(EVENTS, { namespace }),
    });
    expect(items.map((event) => event.note)).toContain('fold 0, attempt 1');
  });
});
