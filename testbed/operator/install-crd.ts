import { experimentCrd } from '@carpal/configs/crd/crd.ts';
import { EXPERIMENTS, GROUP, PLURAL } from '@carpal/configs/names.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { expect, vi } from 'vitest';

const CRDS: Resource = { group: 'apiextensions.k8s.io', version: 'v1', plural: 'customresourcedefinitions' };

export type CrdCondition = { readonly type: string; readonly status: string; readonly message: string };
type Crd = { readonly status?: { readonly conditions?: readonly CrdCondition[] } };

/** Applies the CRD and waits until it is served; its conditions then. Safe to call from several test files at once. */
export async function installCrd(client: KubernetesClient): Promise<readonly CrdCondition[]> {
  const path = resourcePath(CRDS, { name: `${PLURAL}.${GROUP}` });
  const query = { fieldManager: 'carpal-tests', force: true };
  await client.request({ method: 'PATCH', patch: 'apply', path, query, body: experimentCrd() });
  return await vi.waitFor(
    async () => {
      const { status } = await client.request<Crd>({ method: 'GET', path });
      const conditions = status?.conditions ?? [];
      expect(conditions).toContainEqual(expect.objectContaining({ type: 'Established', status: 'True' }));
      await client.request({ method: 'GET', path: resourcePath(EXPERIMENTS) });
      return conditions;
    },
    { timeout: 20_000, interval: 100 },
  );
}
