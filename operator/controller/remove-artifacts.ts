/** The end of an experiment's artifacts, where its spec asks for one. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { ExperimentStatus } from '@carpal/configs/experiment-status.ts';
import { experimentKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { EXPERIMENTS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { cleanUpPlan } from './clean-up-plan.ts';
import { type ExperimentObject, type KeptExperiment, keepExperiment, statusOfObject } from './experiment-object.ts';

type Dependencies = { readonly client: KubernetesClient; readonly store: ArtifactStore; readonly now: () => Date };

/**
 * Removes the artifacts at `uri` of an ended experiment that has no attempts left; the experiment as the API server has it, and the status to
 * write, which names them no more. What cannot be undone is asked of the API server once more, since a watch may lag behind a change of mind: nothing is removed, and
 * undefined returned, where the experiment is gone, is another one or no longer wants it, or where they lie in another store than `store`.
 */
export async function removeExpiredArtifacts(
  { client, store, now }: Dependencies,
  experiment: SegmentationExperiment,
  uri: string,
): Promise<{ readonly kept: KeptExperiment; readonly status: ExperimentStatus } | undefined> {
  const { name, namespace, uid } = experiment.metadata;
  const key = experimentKey(experiment);
  if (uid === undefined || uri !== `${store.uri}/${key}`) return undefined;
  const path = resourcePath(EXPERIMENTS, { namespace });
  const { items } = await client.request<ObjectList<ExperimentObject>>({
    method: 'GET',
    path,
    query: { fieldSelector: `metadata.name=${name}` },
  });
  const object = items.find(({ metadata }) => metadata.uid === uid && metadata.deletionTimestamp === undefined);
  if (object === undefined) return undefined;
  const kept = keepExperiment(object);
  const status = statusOfObject(object);
  if (status === undefined || kept.ended === undefined || cleanUpPlan([], kept.ended, now()).removeArtifacts !== uri) return undefined;
  await store.remove(key);
  const { artifacts: _artifacts, submission: _submission, ...rest } = status;
  return { kept, status: { ...rest, artifactsRemovedAt: now().toISOString() } };
}
