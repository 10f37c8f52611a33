/** Compares the rights in the manifests with the requests of the operator, which runs experiments with them on a real API server. */

import { EXPERIMENTS } from '@carpal/configs/names.ts';
import { API_VERSION, KIND } from '@carpal/configs/schema/experiment.ts';
import type { ObjectList, Pod } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, EVENTS, JOBS, PODS, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { type KubectlAnswer, kubectl } from '@carpal/testbed/cluster/kubectl.ts';
import { freshNamespace } from '@carpal/testbed/cluster/test-objects.ts';
import { waitFor } from '@carpal/testbed/cluster/wait-for.ts';
import { accountOf, applyObjects, callsOf, isDenied, startInstalled } from '@carpal/testbed/operator/installed-operator.ts';
import { hasCondition, type RunningOperator, useOperatorWorld } from '@carpal/testbed/operator/operator-world.ts';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { consentPolicy } from './consent-policy.ts';
import { OPERATOR_NAMESPACE } from './manifest-settings.ts';
import { operatorNamespace } from './operator-workload.ts';
import { clusterRbac, namespacedRbac, optIn, QUEUE_RULES, RUN_RULES, WATCH_RULES } from './rbac.ts';

const world = useOperatorWorld({
  controlPlane: { audit: true, apiServerFlags: ['--enable-admission-plugins=OwnerReferencesPermissionEnforcement'] },
});
const OPERATOR = { namespace: OPERATOR_NAMESPACE };
const ACCOUNT = accountOf(OPERATOR);
const CLUSTER_ROLES: Resource = { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterroles' };

/** Rights that no request uses, and why they are needed. */
const NOT_REQUESTED: Readonly<Record<string, string>> = {
  'list kueue.x-k8s.io/localqueues': 'requested only while Kueue holds a Job',
  'list kueue.x-k8s.io/workloads': 'requested only while Kueue holds a Job',
  'update carpal.dev/segmentationexperiments/finalizers': 'checked by admission when an owner reference blocks the deletion of its owner',
};

/** An experiment, as a person applies it. */
const manifestOf = (name: string): string =>
  JSON.stringify({ apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec: { dataset: { uri: '/data' }, model: { name: 'UNet' } } });

let operator: RunningOperator;
/** A namespace that has not opted in. */
let closed: string;
beforeAll(async () => {
  closed = await freshNamespace(world().client);
  await applyObjects(world(), [
    operatorNamespace(OPERATOR_NAMESPACE),
    ...clusterRbac(OPERATOR),
    ...namespacedRbac(OPERATOR),
    ...consentPolicy(OPERATOR),
    optIn(OPERATOR, world().namespace),
  ]);
  // The API server learns of the rights through a watch of its own.
  const can = ['auth', 'can-i', 'create', 'jobs', '--as', ACCOUNT, '-n'];
  for (const namespace of [OPERATOR_NAMESPACE, world().namespace])
    await vi.waitFor(async () => expect((await kubectl(world().kubeconfig, [...can, namespace])).output.trim()).toBe('yes'), 20_000);
  operator = await startInstalled(world(), OPERATOR);
});

describe('the rights of the operator', () => {
  it('are enough for an experiment from its first stage to its submission', async () => {
    await world().post('whole');
    expect(hasCondition(await world().until('whole', (one) => hasCondition(one, 'Complete')), 'Complete')).toBe(true);
  });

  it('are enough if names are taken, a Job creates no pod, a pod has lost its Job, and artifacts are removed with their experiment', async () => {
    const { client, namespace } = world();
    const containers = [{ name: 'other', image: 'other' }];
    const taken = {
      metadata: { name: 'taken-prepare-1' },
      spec: { suspend: true, template: { spec: { restartPolicy: 'Never', containers } } },
    };
    await client.request({ method: 'POST', path: resourcePath(JOBS, { namespace }), body: taken });
    const { promise: never } = Promise.withResolvers<void>();
    world().script = ({ experiment, stage, attempt }) => {
      if (experiment === 'retried' && attempt === 1) return { exitCode: 1 };
      return experiment === 'orphan' && stage === 'fold' ? { until: never } : {};
    };
    await Promise.all([
      ...['retried', 'taken'].map((name) => world().post(name)),
      world().post('orphan', { run: { deletionRemovesArtifacts: true } }),
      world().post('no-account', { placement: { serviceAccountName: 'missing' } }),
    ]);
    await world().until('orphan', ({ status }) => status?.folds.every(({ state }) => state === 'Running') ?? false);
    await client.request({
      method: 'DELETE',
      path: resourcePath(JOBS, { namespace, name: 'orphan-fold-0-1' }),
      body: { propagationPolicy: 'Orphan' },
    });
    const path = resourcePath(EXPERIMENTS, { namespace, name: 'orphan' });
    await client.request({ method: 'PATCH', path, body: { spec: { run: { suspend: true } } } });
    const noneRuns = ({ items }: ObjectList<Pod>): boolean => items.every(({ status }) => status?.phase !== 'Running');
    await waitFor<ObjectList<Pod>>(client, resourcePath(PODS, { namespace }), noneRuns);
    await client.request({ method: 'DELETE', path });
    await vi.waitFor(async () => await expect(client.request({ method: 'GET', path })).rejects.toThrow('404'), 20_000);
    // A retry reads the spec that exists already.
    await world().until('retried', ({ status }) => status?.prepare.state === 'Succeeded');
    const { status } = await world().until('taken', (one) => one.status?.prepare.message !== undefined);
    expect(status).toMatchObject({ state: 'Pending', reason: 'StagePending', prepare: { state: 'Starting' } });
    expect(status?.prepare.message).toContain('the Job exists already, and nothing manages it');
    const failing = await world().until('no-account', ({ status }) => status?.prepare.message?.includes('serviceaccount') ?? false);
    expect(failing.status?.prepare.message).toContain('serviceaccount "missing" not found');
  });

  it('write nothing in a namespace that has not opted in; a person is warned, and the operator says it once', async () => {
    const { client, kubeconfig } = world();
    const apply = (name: string): Promise<KubectlAnswer> => kubectl(kubeconfig, ['apply', '-n', closed, '-f', '-'], manifestOf(name));
    await vi.waitFor(async () => expect((await apply('foreign')).errors).toContain('has not opted in'), 20_000);
    const { code, errors } = await apply('stranger');
    expect(code).toBe(0);
    expect(errors).toContain(
      `namespace ${closed} has not opted in: the operator in carpal-system neither runs the experiment nor reports a status. An ` +
        `administrator lets the namespace opt in: carpal manifests --for-namespace ${closed} | kubectl apply --server-side -f -`,
    );
    const aboutIt = (): readonly string[] =>
      operator.log.filter((line) => line.includes(closed) && /"level":"?(warn|error|40|50)/.test(line));
    await vi.waitFor(() => expect(aboutIt()).toHaveLength(1), 20_000);
    const tries = (): Promise<number> => callsOf(world(), OPERATOR).then((calls) => calls.filter(isDenied).length);
    // More than one try, so that the operator has not given up.
    await vi.waitFor(async () => expect(await tries()).toBeGreaterThanOrEqual(3), 20_000);
    expect(aboutIt()).toEqual([expect.stringContaining(`carpal manifests --for-namespace ${closed}`)]);
    for (const name of ['foreign', 'stranger']) expect((await world().read(name, closed)).status).toBeUndefined();
    for (const kind of [CONFIG_MAPS, JOBS, PODS, EVENTS]) {
      const { items } = await client.request<ObjectList<Pod>>({ method: 'GET', path: resourcePath(kind, { namespace: closed }) });
      expect(items.filter(({ metadata }) => metadata.name !== 'kube-root-ca.crt')).toEqual([]);
    }
  });

  it('are enough as soon as the namespace opts in: all its experiments run, and no warning is left', async () => {
    await applyObjects(world(), [optIn(OPERATOR, closed)]);
    for (const name of ['foreign', 'stranger'])
      expect(hasCondition(await world().until(name, (one) => hasCondition(one, 'Complete'), closed), 'Complete')).toBe(true);
    const { errors } = await kubectl(world().kubeconfig, ['apply', '-n', closed, '--dry-run=server', '-f', '-'], manifestOf('friend'));
    expect(errors).toBe('');
  });

  it('are complete: no request was denied in a namespace that has opted in', async () => {
    await operator.stop();
    const calls = await callsOf(world(), OPERATOR);
    expect(calls.length).toBeGreaterThan(20);
    expect(calls.filter((call) => isDenied(call) && call.namespace !== closed)).toEqual([]);
  });

  it('are minimal: every one was used', () => {
    const used = new Set(operator.connection.requests().map(({ verb, group, resource }) => `${verb} ${group}/${resource}`));
    const granted = [...WATCH_RULES, ...QUEUE_RULES, ...RUN_RULES].flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`))),
    );
    expect(granted.toSorted()).toEqual([...new Set(granted)].toSorted());
    expect(granted.filter((right) => !used.has(right)).toSorted()).toEqual(Object.keys(NOT_REQUESTED).toSorted());
    const ofTheLease = ['create', 'get', 'update'].map((verb) => `${verb} coordination.k8s.io/leases`);
    expect([...used].filter((right) => !granted.includes(right)).toSorted()).toEqual(ofTheLease);
  });

  it('include nothing that the operator does not need', async () => {
    const { kubeconfig, namespace } = world();
    const can = async (...what: string[]): Promise<string> =>
      (await kubectl(kubeconfig, ['auth', 'can-i', '--as', ACCOUNT, '-n', namespace, ...what])).output.trim();
    for (const what of [
      ['update', 'segmentationexperiments'],
      ['get', 'secrets'],
      ['create', 'pods'],
      ['create', 'pods', '--subresource=exec'],
    ])
      expect(await can(...what), what.join(' ')).toBe('no');
  });

  it('must include finalizers where owner references are protected', async () => {
    const { kubeconfig, client, namespace } = world();
    const { metadata } = await world().read('whole');
    const owner = { apiVersion: API_VERSION, kind: KIND, name: 'whole', uid: metadata.uid, controller: true, blockOwnerDeletion: true };
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'owned', ownerReferences: [owner] } };
    const create = async (): Promise<string> =>
      (await kubectl(kubeconfig, ['create', '--dry-run=server', '--as', ACCOUNT, '-n', namespace, '-f', '-'], JSON.stringify(map))).errors;
    expect(await create()).toBe('');
    const without = RUN_RULES.filter(({ resources }) => !resources.some((name) => name.endsWith('/finalizers')));
    const path = resourcePath(CLUSTER_ROLES, { name: `carpal-operator-run.${OPERATOR_NAMESPACE}` });
    await client.request({ method: 'PATCH', path, body: { rules: without } });
    await expect.poll(create, { timeout: 20_000 }).toContain('cannot set blockOwnerDeletion');
  });
});
