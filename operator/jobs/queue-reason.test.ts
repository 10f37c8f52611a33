import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '@carpal/kubernetes/api/connect.ts';
import type { Job, KubernetesObject, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { type Kueue, startKueue } from '@carpal/testbed/cluster/kueue.ts';
import { CLUSTER_QUEUES, createLocalQueue, createPriority, createQueue, WORKLOADS } from '@carpal/testbed/cluster/kueue-queues.ts';
import { freshNamespace } from '@carpal/testbed/cluster/test-objects.ts';
import { useOwnControlPlane } from '@carpal/testbed/cluster/use-control-plane.ts';
import { waitFor } from '@carpal/testbed/cluster/wait-for.ts';
import { FakeApiServer, fault } from '@carpal/testbed/kubernetes/fake-api-server.ts';
import { job, jobCondition, time } from '@carpal/testbed/operator/attempt-objects.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepJob } from './kept-objects.ts';
import type { Workload } from './kueue-workload.ts';
import { createAskPosition } from './queue-position.ts';
import { type AskQueue, createAskQueue, type QueueReason } from './queue-reason.ts';

const QUEUE = 'kueue.x-k8s.io/queue-name';

describe('a Job that Kueue holds back', () => {
  const cluster = useOwnControlPlane();
  let kueue: Kueue;
  beforeAll(async () => {
    kueue = await startKueue({ client: cluster().client, controlPlane: cluster() });
    const { client, namespace } = cluster();
    await createQueue(client, { name: 'team', namespace, gpus: 1 });
    await createPriority(client, 'urgent', 1000);
    await createPriority(client, 'favored', 10);
  });
  afterAll(() => kueue?.stop());

  /** Creates a Job for a queue. */
  async function post(
    name: string,
    labels: Readonly<Record<string, string>>,
    { gpus = 1, namespace = cluster().namespace }: { readonly gpus?: number; readonly namespace?: string } = {},
  ): Promise<void> {
    const { client } = cluster();
    const resources = { limits: { 'nvidia.com/gpu': String(gpus) } };
    const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'stage', image: 'none', resources }] } };
    const body = { metadata: { name, labels }, spec: { suspend: true, template } };
    await client.request({ method: 'POST', path: resourcePath(JOBS, { namespace }), body });
  }

  /** Asks until the words match. Each time the clock is far enough ahead that the answer is a new one. */
  async function said(name: string, words: RegExp): Promise<QueueReason> {
    const { client, namespace } = cluster();
    let ms = Date.now();
    const now = (): number => (ms += 120_000);
    const ask = createAskQueue({ client, askPosition: createAskPosition({ client, now }), now });
    let reason: QueueReason | undefined;
    for (let tries = 0; tries < 400 && !words.test(reason?.words ?? ''); tries++) {
      reason = await ask(keepJob(await client.request<Job>({ method: 'GET', path: resourcePath(JOBS, { namespace, name }) })));
      await pause(25);
    }
    if (reason === undefined) throw new Error('no reason');
    return reason;
  }

  it('because its queue does not exist has Kueue’s words for that', async () => {
    await post('lost', { [QUEUE]: 'nowhere' });
    expect(await said('lost', /nowhere/)).toEqual({ words: "LocalQueue nowhere doesn't exist" });
  });

  it('because its queue is full has Kueue’s words for that', async () => {
    await post('first', { [QUEUE]: 'team' });
    const { client, namespace } = cluster();
    await waitFor<{ spec: { suspend?: boolean } }>(
      client,
      resourcePath(JOBS, { namespace, name: 'first' }),
      ({ spec }) => spec.suspend === false,
    );
    await post('second', { [QUEUE]: 'team' });
    const { words, evictedAt } = await said('second', /quota/);
    expect(words).toMatch(/insufficient unused quota for nvidia.com\/gpu in flavor default, 1 more needed/);
    expect(evictedAt).toBeUndefined();
  });

  it('because others come first has its position in the ClusterQueue, which other namespaces share', async () => {
    const { client, namespace } = cluster();
    const other = await freshNamespace(client);
    await createLocalQueue(client, { name: 'guests', namespace: other, clusterQueue: 'team' });
    await post('guest', { [QUEUE]: 'guests', 'kueue.x-k8s.io/priority-class': 'favored' }, { namespace: other });
    const isThere = ({ items }: ObjectList<KubernetesObject>): boolean => items.length === 1;
    await waitFor<ObjectList<KubernetesObject>>(client, resourcePath(WORKLOADS, { namespace: other }), isThere);
    const second = await said('second', /quota/);
    expect(second.position).toEqual({ position: 2, of: 2, queue: 'ClusterQueue team' });
    const ask = createAskPosition({ client, watchNamespace: namespace, now: Date.now });
    const { items } = await client.request<ObjectList<Workload>>({ method: 'GET', path: resourcePath(WORKLOADS, { namespace }) });
    const mine = items.find(({ metadata }) => metadata.name.startsWith('job-second-'));
    expect(mine && (await ask(mine, 'v1beta2'))).toEqual({ position: 1, of: 1, queue: 'LocalQueue team' });
    await client.request({
      method: 'DELETE',
      path: resourcePath(JOBS, { namespace: other, name: 'guest' }),
      body: { propagationPolicy: 'Background' },
    });
  });

  it('because it requests more than its queue ever has gets Kueue’s words for that', async () => {
    await post('large', { [QUEUE]: 'team' }, { gpus: 8 });
    expect((await said('large', /quota/)).words).toMatch(/insufficient quota for nvidia.com\/gpu .* > maximum capacity \(1\)/);
  });

  it('because a more urgent Job took its place has the time of its eviction and no uid of that Job', async () => {
    await post('urgent', { [QUEUE]: 'team', 'kueue.x-k8s.io/priority-class': 'urgent' });
    const { words, evictedAt } = await said('first', /Preempted/);
    expect(words).toMatch(/^Preempted to accommodate a workload due to prioritization in the ClusterQueue/);
    expect(words).not.toMatch(/UID|path/);
    expect(Math.abs(Date.parse(evictedAt ?? '') - Date.now())).toBeLessThan(60_000);
  });

  it('because someone deactivated its Workload says how it continues', async () => {
    const { client, namespace } = cluster();
    const path = resourcePath(WORKLOADS, { namespace });
    const { items } = await client.request<ObjectList<KubernetesObject>>({ method: 'GET', path });
    const name = items.map(({ metadata }) => metadata.name).find((one) => one.startsWith('job-second-')) ?? '';
    await client.request({ method: 'PATCH', path: resourcePath(WORKLOADS, { namespace, name }), body: { spec: { active: false } } });
    expect((await said('second', /deactivated/)).words).toContain(
      `the Workload ${name} is deactivated; it is queued again when its spec.active is true`,
    );
  });

  it('because its ClusterQueue was stopped has Kueue’s words for that', async () => {
    const { client, namespace } = cluster();
    await createQueue(client, { name: 'held', namespace, gpus: 1 });
    await createLocalQueue(client, { name: 'other', namespace, clusterQueue: 'held' });
    await client.request({ method: 'PATCH', path: resourcePath(CLUSTER_QUEUES, { name: 'held' }), body: { spec: { stopPolicy: 'Hold' } } });
    await post('stopped', { [QUEUE]: 'other' });
    expect((await said('stopped', /ClusterQueue/)).words).toMatch(/ClusterQueue held is (stopped|inactive)|The ClusterQueue is stopped/);
  });
});

describe('asking a queue', () => {
  const GROUP = '{"kind":"APIGroup","preferredVersion":{"groupVersion":"kueue.x-k8s.io/v1beta2","version":"v1beta2"}}';
  const suspendedAt = (seconds: number) =>
    keepJob(
      job({
        spec: { suspend: true, template: { spec: {} } },
        status: { conditions: [jobCondition('Suspended', { lastTransitionTime: time(seconds) })] },
      }),
    );
  const workloads = (...messages: readonly string[]): string =>
    JSON.stringify({
      metadata: {},
      items: messages.map((message) => ({
        metadata: { name: 'job-wrist' },
        spec: {},
        status: { conditions: [{ type: 'QuotaReserved', status: 'False', message }] },
      })),
    });
  const apis: FakeApiServer[] = [];
  afterAll(async () => await Promise.all(apis.map((api) => api.stop())));

  type Asking = { readonly api: FakeApiServer; readonly ask: AskQueue; readonly clock: { ms: number } };
  async function asking(): Promise<Asking> {
    const api = await FakeApiServer.start();
    apis.push(api);
    const clock = { ms: 0 };
    return { api, ask: createAskQueue({ client: await connect({ server: api.url }), now: () => clock.ms }), clock };
  }

  it('costs one request in ten minutes in a cluster without Kueue', async () => {
    const { api, ask, clock } = await asking();
    api.next('read', fault.reject(404, 'NotFound'));
    for (clock.ms of [0, 5000, 70_000, 599_000]) expect(await ask(suspendedAt(1))).toBeUndefined();
    expect(api.requests.map(({ path }) => path)).toEqual(['/apis/kueue.x-k8s.io']);
  });

  it('costs one request per minute and Job, and one more when the Job is suspended again', async () => {
    const { api, ask, clock } = await asking();
    api.next('read', fault.text(GROUP));
    api.next('list', ...['full', 'still full', 'preempted'].map((message) => fault.text(workloads(message))));
    const words: (string | undefined)[] = [];
    for (clock.ms of [0, 59_000, 61_000]) words.push((await ask(suspendedAt(1)))?.words);
    words.push((await ask(suspendedAt(2)))?.words);
    expect(words).toEqual(['full', 'full', 'still full', 'preempted']);
    const lists = api.requests.filter(({ verb }) => verb === 'list');
    expect(lists).toHaveLength(3);
    expect(lists[0]).toMatchObject({ path: '/apis/kueue.x-k8s.io/v1beta2/namespaces/default/workloads' });
    expect(lists[0]?.query.get('labelSelector')).toBe(`kueue.x-k8s.io/job-uid=${job().metadata.uid}`);
  });

  it('is repeated soon while Kueue has said nothing, and late if the operator may not read Workloads', async () => {
    const { api, ask, clock } = await asking();
    api.next('read', fault.text(GROUP));
    api.next('list', fault.text(workloads()), fault.text(workloads('full')), fault.reject(403, 'Forbidden'), fault.text(workloads('free')));
    const words: (string | undefined)[] = [];
    for (clock.ms of [0, 4000, 5000, 66_000, 120_000, 127_000]) words.push((await ask(suspendedAt(1)))?.words);
    expect(words).toEqual([undefined, undefined, 'full', 'full', 'full', 'free']);
    expect(api.count('list')).toBe(4);
  });
});
