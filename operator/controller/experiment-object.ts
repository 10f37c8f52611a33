/** A SegmentationExperiment as the operator keeps it in memory: complete while it is active, only a few fields once it has ended. */

import { withoutUndefined } from '@carpal/configs/json.ts';
import { ARTIFACTS_FINALIZER, EXPERIMENTS } from '@carpal/configs/names.ts';
import { API_VERSION, KIND, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type Condition, type ExperimentStatus, isTerminal, isTrue } from '@carpal/configs/schema/status.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { KubernetesObject, ObjectList, ObjectMeta } from '@carpal/kubernetes/api/objects.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { Regarding } from '@carpal/kubernetes/runtime/event-recorder.ts';

export type ExperimentObject = KubernetesObject & { readonly spec?: unknown; readonly status?: ExperimentStatus };

/** What an ended experiment's clean-up needs. */
export type EndedExperiment = {
  /** Absent if the status does not record it: then nothing is ever removed. */
  readonly finishedAt?: string;
  readonly ttlAfterFinished: string;
  readonly failed: boolean;
  /** The URI of artifacts that must be removed together with the attempts. */
  readonly expiringArtifacts?: string;
};

export type KeptExperiment = {
  readonly metadata: ObjectMeta;
  /** Present for an active experiment, and for an ended one that may be reopened: the planner reads it. */
  readonly object?: ExperimentObject;
  readonly ended?: EndedExperiment;
  /** run.deletionRemovesArtifacts. */
  readonly deletionRemovesArtifacts: boolean;
};

const CONDITION_ORDER: readonly Condition['type'][] = ['Prepared', 'Training', 'Suspended', 'Complete', 'Failed', 'Held'];

/** The status in the order in which the planner writes it. The API server may return keyed lists in another order. */
export function statusOfObject({ status }: ExperimentObject): ExperimentStatus | undefined {
  if (status?.conditions === undefined) return undefined;
  const rank = (condition: Condition): number => CONDITION_ORDER.indexOf(condition.type);
  return {
    ...status,
    conditions: status.conditions.toSorted((a, b) => rank(a) - rank(b)),
    folds: (status.folds ?? []).toSorted((a, b) => a.index - b.index),
    announcements: status.announcements ?? [],
  };
}

type ServedRun = Partial<SegmentationExperiment['spec']['run']>;
const runOf = (spec: unknown): ServedRun => (spec as { readonly run?: ServedRun } | undefined)?.run ?? {};

/**
 * Whether the experiment has ended for the spec that it has now. After a change of the spec, the planner decides whether it is reopened; a
 * later version of the operator may have to decide.
 */
function isSettled({ metadata: { generation = 0 } }: ExperimentObject, status: ExperimentStatus | undefined): status is ExperimentStatus {
  return isTerminal(status) && (status?.observedGeneration ?? 0) >= generation && !isTrue(status, 'Held');
}

/** What the operator keeps of an object. A cluster may hold thousands of ended experiments; each costs a few hundred bytes. */
export function keepExperiment(object: ExperimentObject): KeptExperiment {
  const { name, namespace, uid, resourceVersion, generation, deletionTimestamp, finalizers } = object.metadata;
  const metadata: ObjectMeta = {
    name,
    ...withoutUndefined({ namespace, uid, resourceVersion, generation, deletionTimestamp, finalizers }),
  };
  const status = statusOfObject(object);
  const deletionRemovesArtifacts = runOf(object.spec).deletionRemovesArtifacts === true;
  if (!isSettled(object, status)) {
    const { creationTimestamp } = object.metadata;
    const kept = { ...metadata, ...withoutUndefined({ creationTimestamp }) };
    return { metadata, object: { ...object, metadata: kept }, deletionRemovesArtifacts };
  }
  return { metadata, ended: endedExperiment(object, status), deletionRemovesArtifacts };
}

/** What the clean-up of an object needs that has ended with this status. */
export function endedExperiment({ spec }: ExperimentObject, status: ExperimentStatus): EndedExperiment {
  const failed = status.conditions.some(({ type, status: value }) => type === 'Failed' && value === 'True');
  const { ttlAfterFinished = '14d', ttlRemovesArtifacts = false } = runOf(spec);
  const expiringArtifacts = ttlRemovesArtifacts ? status.artifacts : undefined;
  return { ttlAfterFinished, failed, ...withoutUndefined({ finishedAt: status.finishedAt, expiringArtifacts }) };
}

/** The experiment as the API server has it now: a watch may lag. Undefined if it is gone or was replaced. */
export async function newestExperiment(
  client: KubernetesClient,
  { metadata }: Pick<KeptExperiment, 'metadata'>,
): Promise<ExperimentObject | undefined> {
  const { name, namespace, uid } = metadata;
  const { items } = await client.request<ObjectList<ExperimentObject>>({
    method: 'GET',
    path: resourcePath(EXPERIMENTS, withoutUndefined({ namespace })),
    query: { fieldSelector: `metadata.name=${name}` },
  });
  return items.find(({ metadata: found }) => found.uid === uid);
}

/** Adds the operator's finalizer to the experiment, or removes it. Throws a 409 (`ApiError`) if the experiment has changed meanwhile. */
export async function writeFinalizer(
  client: KubernetesClient,
  experiments: { absorb(object: ExperimentObject): void },
  { metadata }: Pick<KeptExperiment, 'metadata'>,
  isPresent: boolean,
): Promise<KeptExperiment> {
  const { name, namespace, uid, resourceVersion, finalizers = [] } = metadata;
  const others = finalizers.filter((one) => one !== ARTIFACTS_FINALIZER);
  const written = await client.request<ExperimentObject>({
    method: 'PATCH',
    path: resourcePath(EXPERIMENTS, { ...withoutUndefined({ namespace }), name }),
    query: { fieldManager: FIELD_MANAGER },
    body: { metadata: { uid, resourceVersion, finalizers: isPresent ? [...others, ARTIFACTS_FINALIZER] : others } },
  });
  // The last finalizer of a deleted experiment: the answer is the object that is gone now.
  if (written.metadata.deletionTimestamp === undefined || (written.metadata.finalizers ?? []).length > 0) experiments.absorb(written);
  return keepExperiment(written);
}

/** The fields of an ended experiment that identify its Jobs and pods. They are not enough to start it. */
export function identityOf({ metadata }: KeptExperiment): SegmentationExperiment {
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { ...metadata, namespace: metadata.namespace ?? 'default' },
  } as SegmentationExperiment;
}

/** The object that events about the experiment refer to. */
export function regarding({ metadata: { name, namespace = 'default', uid, resourceVersion } }: KeptExperiment): Regarding {
  return { apiVersion: API_VERSION, kind: KIND, namespace, name, ...withoutUndefined({ uid, resourceVersion }) };
}

const FIELD_MANAGER = 'carpal-operator';

/**
 * Writes the whole status by server-side apply under one field manager, and stores the result in the collection. Returns the experiment
 * with its new metadata. The request carries the resource version: if two operators both believe that they lead, one of them gets 409
 * (`ApiError`) and must observe again before it acts.
 */
export async function writeStatus(
  client: KubernetesClient,
  experiments: { absorb(object: ExperimentObject): void },
  kept: KeptExperiment,
  status: ExperimentStatus,
): Promise<KeptExperiment> {
  const { name, namespace, uid, resourceVersion } = kept.metadata;
  const written = await client.request<ExperimentObject>({
    method: 'PATCH',
    patch: 'apply',
    path: resourcePath(EXPERIMENTS, { ...withoutUndefined({ namespace }), name, subresource: 'status' }),
    query: { fieldManager: FIELD_MANAGER, force: true },
    body: { apiVersion: API_VERSION, kind: KIND, metadata: { name, ...withoutUndefined({ namespace, uid, resourceVersion }) }, status },
  });
  experiments.absorb(written);
  return { ...kept, metadata: written.metadata };
}
