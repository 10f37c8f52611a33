/** Objects that a test needs first: a namespace of its own and the CRD. */
import { randomBytes } from 'node:crypto';
import { experimentCrd } from '@carpal/configs/crd/crd.ts';
import { EXPERIMENTS, GROUP, PLURAL } from '@carpal/configs/names.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { KubernetesObject, ObjectCondition } from '@carpal/kubernetes/api/objects.ts';
import { NAMESPACES, type Resource, resourcePath, SERVICE_ACCOUNTS } from '@carpal/kubernetes/api/resource-path.ts';
import { waitFor } from './wait-for.ts';

const CRDS: Resource = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };

/** Creates a namespace with a unique name and waits for the service account that its pods need. Returns the name. */
export async function freshNamespace(client: KubernetesClient, labels: Readonly<Record<string, string>> = {}): Promise<string> {
  const name = `test-${randomBytes(5).toString('hex')}`;
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
  await client.request({ method: 'POST', path: resourcePath(NAMESPACES), body });
  await waitFor(client, resourcePath(SERVICE_ACCOUNTS, { namespace: name, name: 'default' }), () => true);
  return name;
}

/** Requests the deletion of a namespace. Its objects disappear some time later. */
export async function deleteNamespace(client: KubernetesClient, name: string): Promise<void> {
  await client.request({ method: 'DELETE', path: resourcePath(NAMESPACES, { name }) });
}

type Crd = KubernetesObject & { readonly status?: { readonly conditions?: readonly ObjectCondition[] } };

/**
 * Applies the CRD of SegmentationExperiment, or another version of it, and waits until the API server serves it. Returns its conditions.
 */
export async function applyCrd(client: KubernetesClient, crd: object = experimentCrd()): Promise<readonly ObjectCondition[]> {
  const path = resourcePath(CRDS, { name: `${PLURAL}.${GROUP}` });
  const query = { fieldManager: 'carpal-testbed', force: true };
  await client.request({ method: 'PATCH', patch: 'apply', path, query, body: crd });
  const isEstablished = ({ status }: Crd): boolean =>
    (status?.conditions ?? []).some((condition) => condition.type === 'Established' && condition.status === 'True');
  const { status } = await waitFor<Crd>(client, path, isEstablished);
  // The condition becomes true shortly before the resource is served.
  await waitFor(client, resourcePath(EXPERIMENTS), () => true);
  return status?.conditions ?? [];
}
