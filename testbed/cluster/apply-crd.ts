import { experimentCrd } from '@carpal/configs/crd/crd.ts';
import { EXPERIMENTS, GROUP, PLURAL } from '@carpal/configs/names.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { ObjectCondition } from '@carpal/kubernetes/api/objects.ts';
import { type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { waitFor } from './wait-for.ts';

const CRDS: Resource = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };

type Crd = { readonly status?: { readonly conditions?: readonly ObjectCondition[] } };

/** Applies the definition of SegmentationExperiment and waits until the API server serves it. */
export async function applyCrd(client: KubernetesClient): Promise<void> {
  const path = resourcePath(CRDS, { name: `${PLURAL}.${GROUP}` });
  await client.request({
    method: 'PATCH',
    patch: 'apply',
    path,
    query: { fieldManager: 'carpal-cluster', force: true },
    body: experimentCrd(),
  });
  await waitFor<Crd>(client, path, ({ status }) =>
    (status?.conditions ?? []).some((condition) => condition.type === 'Established' && condition.status === 'True'),
  );
  // Established comes a moment before the storage behind it is filled.
  await waitFor(client, resourcePath(EXPERIMENTS), () => true);
}
