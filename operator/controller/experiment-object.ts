/** A SegmentationExperiment as the operator keeps it: all of one that goes on, next to nothing of one that has come to its end. */

import { type Condition, type ExperimentStatus, isTerminal } from '@carpal/configs/experiment-status.ts';
import { API_VERSION, KIND, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { KubernetesObject, ObjectMeta } from '@carpal/kubernetes/api/objects.ts';
import { known } from '../jobs/kept-metadata.ts';

export type ExperimentObject = KubernetesObject & { readonly spec?: unknown; readonly status?: ExperimentStatus };

/** What is left to do for an ended experiment: to remove its attempts when their time has come, and its artifacts if they are to go too. */
export type EndedExperiment = {
  /** None where nobody noted it: then nothing outlives its time. */
  readonly finishedAt?: string;
  readonly ttlAfterFinished: string;
  readonly failed: boolean;
  /** Where the artifacts lie that are to go. */
  readonly expiringArtifacts?: string;
};

export type KeptExperiment = {
  readonly metadata: ObjectMeta;
  /** Of one that goes on: the object itself, for the planner. */
  readonly object?: ExperimentObject;
  readonly ended?: EndedExperiment;
};

const CONDITION_ORDER: readonly Condition['type'][] = ['Prepared', 'Training', 'Suspended', 'Complete', 'Failed'];

/** The status in the order in which the planner writes it; the API server may give lists by key in another. */
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

/** What the operator keeps of an object. Thousands of ended experiments may lie in a cluster; each costs a few hundred bytes. */
export function keepExperiment(object: ExperimentObject): KeptExperiment {
  const { name, namespace, uid, resourceVersion, generation, deletionTimestamp } = object.metadata;
  const metadata: ObjectMeta = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(generation === undefined ? {} : { generation }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
  };
  const status = statusOfObject(object);
  if (status === undefined || !isTerminal(status)) {
    const { creationTimestamp } = object.metadata;
    const kept = { ...metadata, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) };
    return { metadata, object: { ...object, metadata: kept } };
  }
  const failed = status.conditions.some(({ type, status: value }) => type === 'Failed' && value === 'True');
  const { ttlAfterFinished = '14d', ttlRemovesArtifacts = false } = runOf(object.spec);
  const expiringArtifacts = ttlRemovesArtifacts ? status.artifacts : undefined;
  return { metadata, ended: { ttlAfterFinished, failed, ...known({ finishedAt: status.finishedAt, expiringArtifacts }) } };
}

/** Enough of an ended experiment to find what belongs to it; nothing of it is started. */
export function identityOf({ metadata }: KeptExperiment): SegmentationExperiment {
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { ...metadata, namespace: metadata.namespace ?? 'default' },
  } as SegmentationExperiment;
}
