/**
 * Which Jobs and pods belong to an experiment. Labels find candidates but prove nothing, and neither do owner references: the API server
 * does not check their uids, so everyone who may create pods in some namespace can write both. An object belongs to the experiment if it is
 * in the experiment's namespace and matches an attempt that the operator itself has started. A person who may create pods in that namespace
 * can change the experiment's own pods anyway.
 */

import type { StageKey } from '@carpal/configs/names.ts';
import { LABEL } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import type { ObjectMeta } from '@carpal/kubernetes/api/objects.ts';
import { attemptName } from '../experiment/stage.ts';
import { stageAt } from '../experiment/stages.ts';
import type { KeptJob, KeptPod } from './kept-objects.ts';
import { controllerUid, experimentUidOf, labelledAttempt, uidOf } from './ownership.ts';

/** The number of a stage's newest attempt that has started, or 0. The status records it before the Job is created. */
export type StartedAttempts = (key: StageKey) => number;

/** The started attempts that a status records. */
export function startedAttempts(status: ExperimentStatus | undefined): StartedAttempts {
  return (key) => stageAt(status, key)?.attempts ?? 0;
}

/** For an experiment that has ended: everything that carries its labels may be stopped and removed. */
export const EVERY_ATTEMPT: StartedAttempts = () => Number.POSITIVE_INFINITY;

/**
 * The name of the attempt that an object in the experiment's namespace claims to belong to; undefined if it claims no attempt of this
 * experiment.
 */
function claimedAttempt(metadata: ObjectMeta, { metadata: { name, namespace } }: SegmentationExperiment): string | undefined {
  const labelled = labelledAttempt(metadata);
  const isHere = metadata.namespace === namespace && metadata.labels?.[LABEL.experiment] === name;
  return isHere && labelled !== undefined ? attemptName(name, labelled, labelled.attempt) : undefined;
}

/** The Jobs that belong to the experiment: the experiment manages them, and the name of each is the name of the attempt in its labels. */
export function ownJobs(jobs: readonly KeptJob[], experiment: SegmentationExperiment): readonly KeptJob[] {
  return jobs.filter(
    ({ metadata }) => controllerUid(metadata) === uidOf(experiment) && claimedAttempt(metadata, experiment) === metadata.name,
  );
}

/** Whether the pod outlived its Job: it belongs to a started attempt, and is managed by that attempt's Job or owned by nothing else. */
function isLeftover({ metadata }: KeptPod, experiment: SegmentationExperiment, started: StartedAttempts): boolean {
  const labelled = labelledAttempt(metadata);
  const name = claimedAttempt(metadata, experiment);
  if (labelled === undefined || name === undefined || experimentUidOf({ metadata }) !== uidOf(experiment)) return false;
  if (labelled.attempt < 1 || labelled.attempt > started(labelled)) return false;
  const owners = metadata.ownerReferences ?? [];
  const controller = owners.find((owner) => owner.controller === true);
  if (controller !== undefined) return controller.kind === 'Job' && controller.name === name;
  return owners.every(({ uid }) => uid === uidOf(experiment));
}

/** The pods that belong to the experiment: those of `jobs`, which are its own, and those that outlived the Job of a started attempt. */
export function ownPods(
  pods: readonly KeptPod[],
  jobs: readonly KeptJob[],
  experiment: SegmentationExperiment,
  started: StartedAttempts,
): readonly KeptPod[] {
  const uids = new Set(jobs.map(({ metadata }) => metadata.uid));
  return pods.filter((pod) => {
    const { metadata } = pod;
    const isOfJob = metadata.namespace === experiment.metadata.namespace && uids.has(controllerUid(metadata) ?? '');
    return isOfJob || isLeftover(pod, experiment, started);
  });
}
