/** The one writer of an experiment's status: server-side apply under one field manager, refused when the object has changed meanwhile. */

import type { ExperimentStatus } from '@carpal/configs/experiment-status.ts';
import { API_VERSION, KIND } from '@carpal/configs/schema/experiment.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { ObjectMeta } from '@carpal/kubernetes/api/objects.ts';
import { EXPERIMENTS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { ExperimentObject } from './experiment-object.ts';

export const FIELD_MANAGER = 'carpal-operator';

/**
 * Writes the whole status and returns the object as it is then. The resource version is sent along, so that of two operators that take
 * themselves for the leader for a moment one gets 409 (`ApiError`), looks again and does not act on what it saw.
 */
export async function applyStatus(client: KubernetesClient, seen: ObjectMeta, status: ExperimentStatus): Promise<ExperimentObject> {
  const { name, namespace, uid, resourceVersion } = seen;
  return await client.request<ExperimentObject>({
    method: 'PATCH',
    patch: 'apply',
    path: resourcePath(EXPERIMENTS, { ...(namespace === undefined ? {} : { namespace }), name, subresource: 'status' }),
    query: { fieldManager: FIELD_MANAGER, force: true },
    body: {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: {
        name,
        ...(namespace === undefined ? {} : { namespace }),
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
      status,
    },
  });
}
