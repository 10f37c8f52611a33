import { connect } from '@carpal/kubernetes/api/connect.ts';
import type { ObjectCondition } from '@carpal/kubernetes/api/objects.ts';
import { FakeApiServer, fault } from '@carpal/testbed/kubernetes/fake-api-server.ts';
import { time } from '@carpal/testbed/operator/attempt-objects.ts';
import { afterAll, describe, expect, it } from 'vitest';
import type { Workload } from './kueue-workload.ts';
import { type AskPosition, type AskPositionOptions, createAskPosition, queuePositions } from './queue-position.ts';

type Given = {
  readonly priority?: number;
  /** When it was created, in seconds. */
  readonly at?: number;
  readonly queue?: string;
  readonly namespace?: string;
  readonly active?: boolean;
  readonly conditions?: readonly ObjectCondition[];
};

function workload(uid: string, { at = 0, queue = 'gpu', namespace = 'default', conditions = [], ...spec }: Given = {}): Workload {
  return {
    metadata: { name: uid, uid, namespace, creationTimestamp: time(at) },
    spec: { queueName: queue, ...spec },
    status: { conditions },
  };
}

const is = (type: string, at = 0, reason = 'Other'): ObjectCondition => ({ type, status: 'True', reason, lastTransitionTime: time(at) });

/** The uids in the order of their positions. */
function order(...workloads: readonly Workload[]): readonly string[] {
  const positions = queuePositions(workloads, ({ spec }) => spec.queueName);
  return [...positions].toSorted(([, a], [, b]) => a.position - b.position).map(([uid]) => uid);
}

describe('the positions in a queue', () => {
  it('follow the priority, then the age, then the uid', () => {
    const waiting = [
      workload('late', { at: 9 }),
      workload('urgent', { at: 20, priority: 10 }),
      workload('b', { at: 5 }),
      workload('a', { at: 5 }),
      workload('idle', { at: 1, priority: -1 }),
    ];
    expect(order(...waiting)).toEqual(['urgent', 'a', 'b', 'late', 'idle']);
  });

  it('keep a preempted Workload where it was, and put one whose pods were not ready in time behind the others', () => {
    const preempted = workload('preempted', { at: 1, conditions: [is('Evicted', 50, 'Preempted')] });
    const notReady = workload('not-ready', { at: 2, conditions: [is('Evicted', 50, 'PodsReadyTimeout')] });
    const unchecked = workload('unchecked', { at: 3, conditions: [is('Evicted', 60, 'AdmissionCheck')] });
    expect(order(unchecked, notReady, preempted, workload('new', { at: 30 }))).toEqual(['preempted', 'new', 'not-ready', 'unchecked']);
  });

  it('leave out what is admitted, finished, deactivated or being deleted', () => {
    const deleted = workload('deleted');
    const others = [
      workload('admitted', { conditions: [is('QuotaReserved')] }),
      workload('finished', { conditions: [is('Finished')] }),
      workload('off', { active: false }),
      { ...deleted, metadata: { ...deleted.metadata, deletionTimestamp: time(1) } },
    ];
    expect(order(...others, workload('waiting', { at: 9 }))).toEqual(['waiting']);
  });

  it('are counted in each queue alone', () => {
    const positions = queuePositions(
      [
        workload('a1', { queue: 'a' }),
        workload('b1', { queue: 'b' }),
        workload('a2', { queue: 'a', at: 1 }),
        workload('lost', { queue: 'none' }),
      ],
      ({ spec }) => (spec.queueName === 'none' ? undefined : `LocalQueue ${spec.queueName}`),
    );
    expect(Object.fromEntries(positions)).toEqual({
      a1: { position: 1, of: 2, queue: 'LocalQueue a' },
      a2: { position: 2, of: 2, queue: 'LocalQueue a' },
      b1: { position: 1, of: 1, queue: 'LocalQueue b' },
    });
  });
});

describe('asking for a position', () => {
  const apis: FakeApiServer[] = [];
  afterAll(async () => await Promise.all(apis.map((api) => api.stop())));

  type Asking = { readonly api: FakeApiServer; readonly ask: AskPosition; readonly clock: { ms: number } };
  async function asking(options: Pick<AskPositionOptions, 'watchNamespace'> = {}): Promise<Asking> {
    const api = await FakeApiServer.start();
    apis.push(api);
    const clock = { ms: 0 };
    return { api, ask: createAskPosition({ client: await connect({ server: api.url }), now: () => clock.ms, ...options }), clock };
  }
  const list = (items: readonly object[], next?: string) => fault.text(JSON.stringify({ metadata: { continue: next }, items }));
  const localQueue = (namespace: string, name: string, clusterQueue: string): object => ({
    metadata: { namespace, name },
    spec: { clusterQueue },
  });
  const mine = workload('mine', { at: 9, namespace: 'hands' });
  const paths = ({ requests }: FakeApiServer): readonly string[] =>
    requests.map(({ path }) => path.replace('/apis/kueue.x-k8s.io/v1beta2', ''));

  it('counts the Workloads of all LocalQueues of its ClusterQueue, page by page', async () => {
    const { api, ask } = await asking();
    const queues = [localQueue('hands', 'gpu', 'team'), localQueue('feet', 'own', 'team'), localQueue('knees', 'gpu', 'other')];
    const others = [workload('first', { namespace: 'feet', queue: 'own' }), workload('elsewhere', { namespace: 'knees' })];
    api.next('list', list(queues), list(others, 'more'), list([mine, workload('lost', { queue: 'none' })]));
    expect(await ask(mine, 'v1beta2')).toEqual({ position: 2, of: 2, queue: 'ClusterQueue team' });
    expect(paths(api)).toEqual(['/localqueues', '/workloads', '/workloads']);
    expect(api.requests.map(({ query }) => [query.get('limit'), query.get('continue')])).toEqual([
      ['500', null],
      ['500', null],
      ['500', 'more'],
    ]);
  });

  it('counts only in the LocalQueue if one namespace is all that may be read', async () => {
    const { api, ask } = await asking({ watchNamespace: 'hands' });
    api.next('list', list([workload('first'), workload('other', { queue: 'cpu' }), mine]));
    expect(await ask(mine, 'v1beta2')).toEqual({ position: 2, of: 2, queue: 'LocalQueue gpu' });
    expect(paths(api)).toEqual(['/namespaces/hands/workloads']);
  });

  it('shares one list between all that ask within a quarter of a minute, and waits longer after a long list', async () => {
    const { api, ask, clock } = await asking({ watchNamespace: 'hands' });
    const many = Array.from({ length: 3000 }, (_, index) => workload(`w${index}`, { at: index }));
    api.next('list', list([mine]), list([...many, mine]), list([mine]));
    const seen: (number | undefined)[] = [];
    for (clock.ms of [0, 5000, 14_000, 16_000, 40_000, 45_000, 47_000]) seen.push((await ask(mine, 'v1beta2'))?.of);
    expect(seen).toEqual([1, 1, 1, 3001, 3001, 3001, 1]);
    expect(api.count('list')).toBe(3);
  });

  it('has no answer if there are more than 10,000 Workloads, and stops reading them', async () => {
    const { api, ask } = await asking({ watchNamespace: 'hands' });
    const page = Array.from({ length: 5001 }, (_, index) => workload(`w${index}`));
    api.next('list', list([mine, ...page], 'second'), list(page, 'third'));
    expect(await ask(mine, 'v1beta2')).toBeUndefined();
    expect(api.count('list')).toBe(2);
  });

  it('has no answer for a Workload that is new, or if the operator may not list queues; then it asks once per minute', async () => {
    const { api, ask, clock } = await asking();
    api.next(
      'list',
      fault.reject(403, 'Forbidden'),
      list([localQueue('hands', 'gpu', 'team')]),
      list([workload('other', { namespace: 'hands' })]),
    );
    for (clock.ms of [0, 20_000, 59_000]) expect(await ask(mine, 'v1beta2')).toBeUndefined();
    expect(api.count('list')).toBe(1);
    clock.ms = 61_000;
    expect(await ask(mine, 'v1beta2')).toBeUndefined();
    expect(await ask(workload('other', { namespace: 'hands' }), 'v1beta2')).toMatchObject({ position: 1, of: 1 });
  });
});
