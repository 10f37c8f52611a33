/** Pods that were left behind when their Job was deleted with --cascade=orphan: they become the experiment's, so that they go with it. */
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { Pod } from '@carpal/kubernetes/api/objects.ts';
import { PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { KeptPod } from './kept-pod.ts';
import { ownedBy } from './owner.ts';

/**
 * Makes the experiment an owner of those of its pods that have none, and returns them as they are then. It does not manage them: for that an
 * attempt has a Job, and this one's is gone. What the API server refuses is tried again at the next look.
 */
export async function adoptOrphans(
  client: KubernetesClient,
  pods: readonly KeptPod[],
  experiment: SegmentationExperiment,
): Promise<readonly Pod[]> {
  const { controller: _controller, ...owner } = ownedBy(experiment);
  const adopted: Pod[] = [];
  for (const { metadata } of pods) {
    if (metadata.ownerReferences !== undefined || metadata.deletionTimestamp !== undefined) continue;
    const { name, namespace = experiment.metadata.namespace, uid, resourceVersion } = metadata;
    // With its version: only of the pod as it was seen is it known that nobody owns it.
    const body = { metadata: { uid, resourceVersion, ownerReferences: [owner] } };
    try {
      adopted.push(await client.request<Pod>({ method: 'PATCH', path: resourcePath(PODS, { namespace, name }), body }));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }
  return adopted;
}
