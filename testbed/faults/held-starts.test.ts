/** Stages whose Job cannot be created. Only the operator knows the reason. */

import { EXPERIMENTS } from '@carpal/configs/names.ts';
import type { KubernetesObject, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { EVENTS, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshNamespace } from '../cluster/test-objects.ts';
import { hasCondition, type RunningOperator, useOperatorWorld } from '../operator/operator-world.ts';

const QUOTAS: Resource = { group: '', version: 'v1', plural: 'resourcequotas' };
type Quota = KubernetesObject & { readonly status?: { readonly used?: Readonly<Record<string, string>> } };
type Event = KubernetesObject & { readonly type: string; readonly reason: string; readonly note: string };

const world = useOperatorWorld();
let operator: RunningOperator;
beforeAll(async () => {
  operator = await world().startOperator();
});
afterAll(() => operator.stop());

/** Creates a namespace with a quota of Jobs. */
async function namespaceWithQuota(jobs: number): Promise<string> {
  const { client } = world();
  const namespace = await freshNamespace(client);
  const body = { metadata: { name: 'jobs' }, spec: { hard: { 'count/jobs.batch': String(jobs) } } };
  await client.request({ method: 'POST', path: resourcePath(QUOTAS, { namespace }), body });
  const path = resourcePath(QUOTAS, { namespace, name: 'jobs' });
  await expect.poll(async () => (await client.request<Quota>({ method: 'GET', path })).status?.used, { timeout: 20_000 }).toBeDefined();
  return namespace;
}

describe('a quota that allows no further Job', () => {
  it('is reported once, in the words of the API server, and the stage starts when the quota allows it', async () => {
    const { client } = world();
    const namespace = await namespaceWithQuota(1);
    await world().post('crowded', {}, namespace);
    const message = /^jobs\.batch "crowded-fold-\d-1" is forbidden: exceeded quota: jobs, requested: count\/jobs\.batch=1, used:/;
    const held = await world().until(
      'crowded',
      ({ status }) => status?.folds.every(({ heldSince }) => heldSince !== undefined) === true,
      namespace,
    );
    expect(held.status).toMatchObject({
      state: 'Pending',
      reason: 'StageDenied',
      folds: [0, 1, 2].map(() => ({ state: 'Starting', attempts: 1 })),
    });
    expect(held.status?.folds[0]?.message).toMatch(message);
    expect(held.status?.conditions.find(({ type }) => type === 'Training')?.message).toMatch(/^0 of 3 folds finished, 3 wait: jobs\.batch/);

    const path = resourcePath(QUOTAS, { namespace, name: 'jobs' });
    await client.request({ method: 'PATCH', path, body: { spec: { hard: { 'count/jobs.batch': '9' } } } });
    const { status } = await world().until('crowded', (one) => hasCondition(one, 'Complete'), namespace);
    expect(status?.folds.map(({ attempts, failures, disruptions }) => [attempts, failures, disruptions])).toEqual(
      [0, 1, 2].map(() => [1, 0, 0]),
    );
    const events = await client.request<ObjectList<Event>>({ method: 'GET', path: resourcePath(EVENTS, { namespace }) });
    const warnings = events.items.filter(({ type, reason }) => type === 'Warning' && reason === 'StageDenied');
    expect(warnings.map(({ note }) => note.match(/fold \d/g)?.toSorted())).toEqual([['fold 0', 'fold 1', 'fold 2']]);
  });

  it('for longer than the start deadline is still waited for', async () => {
    const namespace = await namespaceWithQuota(0);
    await world().post('full', { run: { startDeadline: '1s' } }, namespace);
    const held = await world().until('full', ({ status }) => Date.now() - Date.parse(status?.prepare.heldSince ?? '') > 3000, namespace);
    expect(held.status).toMatchObject({ state: 'Pending', reason: 'StageDenied', prepare: { state: 'Starting', failures: 0 } });
    const path = resourcePath(QUOTAS, { namespace, name: 'jobs' });
    await world().client.request({ method: 'PATCH', path, body: { spec: { hard: { 'count/jobs.batch': '9' } } } });
    await world().until('full', (one) => hasCondition(one, 'Complete'), namespace);
  });
});

describe('a Job that the API server rejects because of a field', () => {
  it('is tried again with the manifest as it is then', async () => {
    await world().post('odd', { placement: { serviceAccountName: 'a..b' } });
    const held = await world().until('odd', ({ status }) => status?.prepare.heldSince !== undefined);
    expect(held.status).toMatchObject({ state: 'Pending', prepare: { state: 'Starting', attempts: 1, reason: 'InvalidManifest' } });
    expect(held.status?.prepare.message).toMatch(/^Job\.batch "odd-prepare-1" is invalid: .*serviceAccountName/);
    const path = resourcePath(EXPERIMENTS, { namespace: world().namespace, name: 'odd' });
    await world().client.request({ method: 'PATCH', path, body: { spec: { placement: { serviceAccountName: 'default' } } } });
    const { status } = await world().until('odd', (one) => hasCondition(one, 'Complete'));
    expect(status?.prepare).toMatchObject({ attempts: 1, failures: 0 });
  });

  it('for longer than the start deadline ends the experiment with the words of the API server', async () => {
    await world().post('never', { placement: { serviceAccountName: 'a..b' }, run: { startDeadline: '2s' } });
    const { status } = await world().until('never', (one) => hasCondition(one, 'Failed'));
    expect(status?.reason).toBe('StartDeadlineExceeded');
    const failed = status?.conditions.find(({ type }) => type === 'Failed');
    expect(failed?.message).toMatch(/prepare .*run\.startDeadline \(2s\): Job\.batch .*serviceAccountName/);
    expect(failed?.message).toContain('run.retry');
  });
});

describe('a fold for which no node has room', () => {
  it('starts with the placement that the manifest has now, without using a budget', async () => {
    await world().post('huge', { placement: { memory: '500Ti' } });
    const waiting = await world().until(
      'huge',
      ({ status }) => status?.folds.every(({ state, reason }) => state === 'Pending' && reason === 'WaitingForCapacity') ?? false,
    );
    expect(waiting.status?.folds[0]?.message).toMatch(/Insufficient memory/);
    const path = resourcePath(EXPERIMENTS, { namespace: world().namespace, name: 'huge' });
    await world().client.request({ method: 'PATCH', path, body: { spec: { placement: { memory: '1Gi' } } } });
    const { status } = await world().until('huge', (one) => hasCondition(one, 'Complete'));
    expect(status?.folds.map(({ attempts, failures, disruptions }) => [attempts, failures, disruptions])).toEqual(
      [0, 1, 2].map(() => [2, 0, 0]),
    );
  });
});
