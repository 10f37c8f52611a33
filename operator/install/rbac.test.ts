/** Compares the rights in the manifests with the requests of the operator, which runs experiments with them on a real API server. */

import { randomUUID } from 'node:crypto';
import { EXPERIMENTS } from '@carpal/configs/names.ts';
import { API_VERSION, KIND } from '@carpal/configs/schema/experiment.ts';
import type { ObjectList, Pod } from '@carpal/kubernetes/api/objects.ts';
import type { ApiAction } from '@carpal/kubernetes/api/resource-path.ts';
import { CONFIG_MAPS, JOBS, PODS, resourcePath, SERVICE_ACCOUNTS } from '@carpal/kubernetes/api/resource-path.ts';
import { type AuditedCall, auditedCalls } from '@carpal/testbed/cluster/audit-log.ts';
import { kubectl } from '@carpal/testbed/cluster/kubectl.ts';
import { waitFor } from '@carpal/testbed/cluster/wait-for.ts';
import { hasCondition, type OperatorWorld, type RunningOperator, useOperatorWorld } from '@carpal/testbed/operator/operator-world.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { operatorName } from '../controller/operator-name.ts';
import { OPERATOR_NAMESPACE } from './manifest-settings.ts';
import { yamlDocuments } from './manifests.ts';
import { operatorNamespace } from './operator-workload.ts';
import { CLUSTER_RULES, operatorRbac } from './rbac.ts';

const world = useOperatorWorld({
  controlPlane: { audit: true, apiServerFlags: ['--enable-admission-plugins=OwnerReferencesPermissionEnforcement'] },
});
const OPERATOR_NAME = operatorName();
const ACCOUNT = `system:serviceaccount:${OPERATOR_NAMESPACE}:${OPERATOR_NAME}`;

/** Rights that no request uses, and why they are needed. */
const NOT_REQUESTED: Readonly<Record<string, string>> = {
  'update carpal.dev/segmentationexperiments/finalizers': 'checked by admission when an owner reference blocks the deletion of its owner',
};

/** A kubeconfig for the operator's service account. */
async function operatorKubeconfig({ client, controlPlane }: OperatorWorld): Promise<string> {
  const path = `${resourcePath(SERVICE_ACCOUNTS, { namespace: OPERATOR_NAMESPACE, name: OPERATOR_NAME })}/token`;
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 3600 } };
  const { status } = await client.request<{ status: { token: string } }>({ method: 'POST', path, body });
  return await controlPlane.writeKubeconfig('operator', status.token);
}

let operator: RunningOperator;
beforeAll(async () => {
  const objects = yamlDocuments([operatorNamespace(OPERATOR_NAMESPACE), ...operatorRbac({ namespace: OPERATOR_NAMESPACE })]);
  expect(await kubectl(world().kubeconfig, ['apply', '--server-side', '-f', '-'], objects)).toMatchObject({ code: 0, errors: '' });
  operator = await world().startOperator({
    kubeconfig: await operatorKubeconfig(world()),
    lease: { namespace: OPERATOR_NAMESPACE, name: OPERATOR_NAME },
    identity: `pod_${randomUUID()}`,
  });
});

const asked = (verb: string, resource: string): boolean =>
  operator.connection.requests().some((action) => action.verb === verb && action.resource === resource);

/** The requests of the operator's account that the API server denied. */
async function denied(): Promise<readonly AuditedCall[]> {
  const calls: AuditedCall[] = [];
  for await (const call of auditedCalls(world().controlPlane.auditLog ?? '')) if (call.user === ACCOUNT) calls.push(call);
  expect(calls.length).toBeGreaterThan(20);
  return calls.filter(({ code }) => code === 401 || code === 403);
}

describe('the rights of the operator', () => {
  it('are enough for an experiment from its first stage to its submission', async () => {
    await world().post('whole');
    expect(hasCondition(await world().until('whole', (one) => hasCondition(one, 'Complete')), 'Complete')).toBe(true);
  });

  it('are enough if names are taken, a Job creates no pod, and a pod has lost its Job', async () => {
    const { client, namespace } = world();
    const create = async (plural: typeof JOBS, body: object): Promise<unknown> =>
      await client.request({ method: 'POST', path: resourcePath(plural, { namespace }), body });
    await create(CONFIG_MAPS, { metadata: { name: 'held-spec' } });
    const containers = [{ name: 'other', image: 'other' }];
    await create(JOBS, {
      metadata: { name: 'taken-prepare-1' },
      spec: { suspend: true, template: { spec: { restartPolicy: 'Never', containers } } },
    });
    const { promise: never } = Promise.withResolvers<void>();
    world().script = ({ experiment, stage }) => (experiment === 'orphan' && stage === 'fold' ? { until: never } : {});
    await Promise.all([
      ...['held', 'taken', 'orphan'].map((name) => world().post(name)),
      world().post('no-account', { placement: { serviceAccountName: 'missing' } }),
    ]);
    await world().until('orphan', ({ status }) => status?.folds.every(({ state }) => state === 'Running') ?? false);
    await client.request({
      method: 'DELETE',
      path: resourcePath(JOBS, { namespace, name: 'orphan-fold-0-1' }),
      body: { propagationPolicy: 'Orphan' },
    });
    await expect.poll(() => asked('patch', 'pods'), { timeout: 20_000 }).toBe(true);
    const path = resourcePath(EXPERIMENTS, { namespace, name: 'orphan' });
    await client.request({ method: 'PATCH', path, body: { spec: { run: { suspend: true } } } });
    const noneRuns = ({ items }: ObjectList<Pod>): boolean => items.every(({ status }) => status?.phase !== 'Running');
    await waitFor<ObjectList<Pod>>(client, resourcePath(PODS, { namespace }), noneRuns);
    for (const [name, kind] of [
      ['held', 'ConfigMap'],
      ['taken', 'Job'],
    ] as const) {
      const { status } = await world().until(name, (one) => one.status?.prepare.message !== undefined);
      expect(status).toMatchObject({ state: 'Pending', reason: 'StagePending', prepare: { state: 'Starting' } });
      expect(status?.prepare.message).toContain(`the ${kind} exists already, and nothing manages it`);
    }
    const failing = await world().until('no-account', ({ status }) => status?.prepare.message?.includes('serviceaccount') ?? false);
    expect(failing.status?.prepare.message).toContain('serviceaccount "missing" not found');
  });

  it('are complete: no request was denied', async () => {
    await operator.stop();
    expect(await denied()).toEqual([]);
  });

  it('are minimal: every one was used', () => {
    const used = new Set(operator.connection.requests().map(({ verb, group, resource }: ApiAction) => `${verb} ${group}/${resource}`));
    const granted = CLUSTER_RULES.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`))),
    );
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
    const without = CLUSTER_RULES.filter(({ resources }) => !resources.some((name) => name.endsWith('/finalizers')));
    const path = resourcePath({ group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterroles' }, { name: OPERATOR_NAME });
    await client.request({ method: 'PATCH', path, body: { rules: without } });
    await expect.poll(create, { timeout: 20_000 }).toContain('cannot set blockOwnerDeletion');
  });
});
