/**
 * Pods that outlived both their Job and their experiment. Kubernetes removes pods together with their owner, but a pod loses its owner if
 * its Job is deleted with --cascade=orphan: then nothing else ever ends it. While the experiment exists, such a pod counts as its attempt.
 */
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { experimentUidOf } from '../jobs/ownership.ts';
import type { Collections } from './collections.ts';
import { type KeptExperiment, newestExperiment } from './experiment-object.ts';

type Dependencies = { readonly client: KubernetesClient; readonly collections: Pick<Collections, 'ownerless'> };

/**
 * Deletes the pods without an owner that belong to an earlier experiment `namespace/name`. `kept` is the experiment that has this name now.
 * A deletion that the API server refuses is tried again in the next step.
 */
export async function removeOrphanedPods(
  { client, collections }: Dependencies,
  key: string,
  kept: KeptExperiment | undefined,
): Promise<void> {
  for (const pod of collections.ownerless(key)) {
    const experimentUid = experimentUidOf(pod);
    const { name, namespace, uid, deletionTimestamp } = pod.metadata;
    if (experimentUid === undefined || experimentUid === kept?.metadata.uid || deletionTimestamp !== undefined) continue;
    const experiment = { name: key.slice(key.indexOf('/') + 1), uid: experimentUid, ...(namespace === undefined ? {} : { namespace }) };
    try {
      // The watch on experiments may lag behind that on pods.
      if ((await newestExperiment(client, { metadata: experiment })) !== undefined) continue;
      const path = resourcePath(PODS, { ...(namespace === undefined ? {} : { namespace }), name });
      await client.request({ method: 'DELETE', path, body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } } });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }
}
