/** The labels and owner references that tie Jobs, pods and ConfigMaps to an experiment and to one attempt of it. */

import type { StageKey } from '@carpal/configs/names.ts';
import { LABEL } from '@carpal/configs/names.ts';
import { API_VERSION, KIND, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ObjectMeta, OwnerReference } from '@carpal/kubernetes/api/objects.ts';
import type { PlannedStart } from '../experiment/next-starts.ts';

/** Kueue holds back a Job with this label until the queue has room. */
export const QUEUE_LABEL = 'kueue.x-k8s.io/queue-name';
/** The name of the WorkloadPriorityClass that decides which queued Job Kueue admits first, and which running Job it may preempt. */
export const QUEUE_PRIORITY_LABEL = 'kueue.x-k8s.io/priority-class';
/** The hash of the spec that the stage reads, as in the name of its ConfigMap. */
export const SPEC_LABEL = 'carpal.dev/spec-hash';
/** The hash of the placement with which the Job was created. */
export const PLACEMENT_LABEL = 'carpal.dev/placement-hash';

/** The manager of every Job and pod of an experiment. The operator lists and watches objects by this label. */
export const MANAGED_BY = 'carpal-operator';

type Labels = Readonly<Record<string, string>>;

/** The uid that the API server gave the experiment. Throws a TypeError for an experiment that does not come from an API server. */
export function uidOf({ metadata }: SegmentationExperiment): string {
  if (metadata.uid === undefined) throw new TypeError(`the experiment ${metadata.namespace}/${metadata.name} has no uid`);
  return metadata.uid;
}

/**
 * The owner reference by which Kubernetes deletes an object together with its experiment. A foreground deletion deletes the object first.
 */
export function ownedBy(experiment: SegmentationExperiment): OwnerReference {
  const { name } = experiment.metadata;
  return { apiVersion: API_VERSION, kind: KIND, name, uid: uidOf(experiment), controller: true, blockOwnerDeletion: true };
}

/** The uid of the owner that manages this object. */
export function controllerUid({ ownerReferences }: ObjectMeta): string | undefined {
  return ownerReferences?.find(({ controller }) => controller === true)?.uid;
}

/** Labels of everything that belongs to the experiment. */
export function experimentLabels(experiment: SegmentationExperiment): Labels {
  const { name } = experiment.metadata;
  return {
    [LABEL.experiment]: name,
    [LABEL.experimentUid]: uidOf(experiment),
    [LABEL.managedBy]: MANAGED_BY,
    [LABEL.partOf]: 'carpal',
  };
}

/** Labels of an attempt's Job and of its pods. */
export function attemptLabels(experiment: SegmentationExperiment, { stage, fold, attempt }: PlannedStart): Labels {
  return {
    ...experimentLabels(experiment),
    [LABEL.stage]: stage,
    ...(fold === undefined ? {} : { [LABEL.fold]: String(fold) }),
    [LABEL.attempt]: String(attempt),
  };
}

/** A label selector for all attempts of one stage of the experiment. */
export function stageSelector(experiment: SegmentationExperiment, { stage, fold }: StageKey): string {
  const labels = { [LABEL.experimentUid]: uidOf(experiment), [LABEL.stage]: stage, ...(fold === undefined ? {} : { [LABEL.fold]: fold }) };
  return Object.entries(labels)
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
}

const wholeNumber = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;

/** The attempt that an object's labels name; undefined if they name none. */
export function labelledAttempt({ labels }: ObjectMeta): (StageKey & { readonly attempt: number }) | undefined {
  const stage = labels?.[LABEL.stage];
  const attempt = wholeNumber(labels?.[LABEL.attempt]);
  if (attempt === undefined) return undefined;
  if (stage === 'prepare' || stage === 'ensemble') return { stage, attempt };
  const fold = wholeNumber(labels?.[LABEL.fold]);
  return stage === 'fold' && fold !== undefined ? { stage, fold, attempt } : undefined;
}

/** The uid of the experiment that an object's labels name: the key of the operator's indexes of Jobs and pods. */
export function experimentUidOf({ metadata }: { readonly metadata: ObjectMeta }): string | undefined {
  return metadata.labels?.[LABEL.experimentUid];
}
