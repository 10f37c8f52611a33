/** An operator of one namespace, which has rights in that namespace and in its own only, on a real API server. */

import type { ObjectList, Pod } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, NAMESPACES, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { kubectl } from '@carpal/testbed/cluster/kubectl.ts';
import { freshNamespace } from '@carpal/testbed/cluster/test-objects.ts';
import { accountOf, callsOf, isDenied, startInstalled } from '@carpal/testbed/operator/installed-operator.ts';
import { hasCondition, type RunningOperator, useOperatorWorld } from '@carpal/testbed/operator/operator-world.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ManifestSettings, manifestSettings } from './manifest-settings.ts';
import { clusterManifests, namespacedManifests, yamlDocuments } from './manifests.ts';

const world = useOperatorWorld({ controlPlane: { audit: true } });
type Found = { readonly kind: string; readonly metadata: { readonly name: string; readonly namespace?: string } };

describe.each([
  ['a namespace of its own', 'carpal-radiology'],
  ['the namespace that it watches', undefined],
])('the operator of one namespace, in %s', (_, ownNamespace) => {
  let settings: ManifestSettings & { readonly watchNamespace: string };
  let operator: RunningOperator;
  let elsewhere: string;

  beforeAll(async () => {
    const { client } = world();
    const watchNamespace = await freshNamespace(client);
    elsewhere = await freshNamespace(client);
    const namespace = ownNamespace ?? watchNamespace;
    settings = { ...manifestSettings({ namespace, watchNamespace }), watchNamespace };
    if (ownNamespace !== undefined)
      await client.request({ method: 'POST', path: resourcePath(NAMESPACES), body: { metadata: { name: ownNamespace } } });
  });

  it('is installed by someone with rights in its namespaces only', async () => {
    const objects = namespacedManifests(settings) as readonly Found[];
    expect(objects.filter(({ metadata }) => metadata.namespace === undefined)).toEqual([]);
    expect(new Set(objects.map(({ metadata }) => metadata.namespace))).toEqual(new Set([settings.namespace, settings.watchNamespace]));
    const { kubeconfig } = world();
    for (const namespace of new Set([settings.namespace, settings.watchNamespace]))
      await kubectl(kubeconfig, ['create', 'rolebinding', 'team', '--clusterrole=cluster-admin', '--user=team', '-n', namespace]);
    const { code, errors } = await kubectl(kubeconfig, ['apply', '--server-side', '--as=team', '-f', '-'], yamlDocuments(objects));
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
  });

  it('leaves to an administrator only what no namespace can hold, and no right of the operator', () => {
    const objects = clusterManifests(settings) as readonly Found[];
    expect(new Set(objects.map(({ kind }) => kind))).toEqual(
      new Set([
        'Namespace',
        'CustomResourceDefinition',
        // The limits, which the team must not edit.
        'ConfigMap',
        'ValidatingAdmissionPolicy',
        'ValidatingAdmissionPolicyBinding',
        // Rights of people, added to view, edit and admin.
        'ClusterRole',
      ]),
    );
    expect(JSON.stringify(objects.filter(({ kind }) => kind.endsWith('Role')))).not.toContain('batch');
  });

  it('runs an experiment from its first stage to its submission', async () => {
    operator = await startInstalled(world(), settings);
    await world().post('whole', {}, settings.watchNamespace);
    await world().until('whole', (one) => hasCondition(one, 'Complete'), settings.watchNamespace);
  });

  it('neither reads nor starts anything elsewhere, and no request was denied', async () => {
    const { client } = world();
    await world().post('foreign', {}, elsewhere);
    await world().post('later', {}, settings.watchNamespace);
    await world().until('later', (one) => hasCondition(one, 'Complete'), settings.watchNamespace);
    expect((await world().read('foreign', elsewhere)).status).toBeUndefined();
    const { items } = await client.request<ObjectList<Pod>>({ method: 'GET', path: resourcePath(JOBS, { namespace: elsewhere }) });
    expect(items).toEqual([]);
    await operator.stop();
    const calls = await callsOf(world(), settings);
    expect(calls.filter(isDenied)).toEqual([]);
    expect(new Set(calls.map(({ namespace }) => namespace))).toEqual(new Set([settings.namespace, settings.watchNamespace]));
  });

  it('may do nothing in other namespaces', async () => {
    for (const what of [
      ['list', 'segmentationexperiments'],
      ['patch', 'segmentationexperiments', '--subresource=status'],
      ['create', 'jobs'],
      ['get', 'configmaps'],
      ['list', 'pods'],
    ]) {
      const { output } = await kubectl(world().kubeconfig, ['auth', 'can-i', '--as', accountOf(settings), '-n', elsewhere, ...what]);
      expect(output.trim(), what.join(' ')).toBe('no');
    }
  });
});
