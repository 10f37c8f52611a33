/** Whose an object is. */
import { API_VERSION, KIND, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ObjectMeta, OwnerReference } from '@carpal/kubernetes/api/objects.ts';

/** The uid that the API server gave the experiment. Throws a TypeError for an experiment that does not come from one. */
export function uidOf({ metadata }: SegmentationExperiment): string {
  if (metadata.uid === undefined) throw new TypeError(`the experiment ${metadata.namespace}/${metadata.name} has no uid`);
  return metadata.uid;
}

/** Makes an object go when its experiment goes, and not before it when the experiment is deleted in the foreground. */
export function ownedBy(experiment: SegmentationExperiment): OwnerReference {
  const { name } = experiment.metadata;
  return { apiVersion: API_VERSION, kind: KIND, name, uid: uidOf(experiment), controller: true, blockOwnerDeletion: true };
}

/** The uid of the object that manages this one. */
export function controllerUid({ ownerReferences }: ObjectMeta): string | undefined {
  return ownerReferences?.find(({ controller }) => controller === true)?.uid;
}
