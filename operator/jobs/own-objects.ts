/**
 * Which Jobs and pods are an experiment's. Labels find them and prove nothing, and neither do owner references: the API server checks no uid in
 * them, so whoever may create pods in any namespace can write both. What is certain is the namespace, and what the operator itself has begun: who
 * may create pods beside an experiment's own could reach into those as well, and who may not has no say.
 */

import type { ExperimentStatus } from '@carpal/configs/experiment-status.ts';
import { LABEL } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ObjectMeta } from '@carpal/kubernetes/api/objects.ts';
import { attemptName, type StageKey } from '../experiment/stage.ts';
import { stageAt } from '../experiment/stages.ts';
import type { KeptJob } from './kept-job.ts';
import type { KeptPod } from './kept-pod.ts';
import { controllerUid, uidOf } from './owner.ts';
import { experimentUidOf, labelledAttempt } from './stage-labels.ts';

/** The number of the newest attempt of a stage that the status tells of, which it does before there is a Job; 0 for none. */
export type NotedAttempts = (key: StageKey) => number;

/** The attempts that a status tells of. */
export function notedAttempts(status: ExperimentStatus | undefined): NotedAttempts {
  return (key) => stageAt(status, key)?.attempts ?? 0;
}

/** The name of the attempt that an object of the experiment's namespace says it belongs to; undefined where it says so of no attempt of it. */
function attemptOf(metadata: ObjectMeta, { metadata: { name, namespace } }: SegmentationExperiment): string | undefined {
  const labelled = labelledAttempt(metadata);
  const isHere = metadata.namespace === namespace && metadata.labels?.[LABEL.experiment] === name;
  return isHere && labelled !== undefined ? attemptName(name, labelled, labelled.attempt) : undefined;
}

/** The Jobs among these that are the experiment's: managed by it, and named as the attempt that they are. */
export function ownJobs(jobs: readonly KeptJob[], experiment: SegmentationExperiment): readonly KeptJob[] {
  return jobs.filter(({ metadata }) => controllerUid(metadata) === uidOf(experiment) && attemptOf(metadata, experiment) === metadata.name);
}

/** Whether the pod is what a Job that is gone has left: of an attempt that has begun, and still that Job's, or nobody's but the experiment's. */
function isLeft({ metadata }: KeptPod, experiment: SegmentationExperiment, noted: NotedAttempts): boolean {
  const labelled = labelledAttempt(metadata);
  const name = attemptOf(metadata, experiment);
  if (labelled === undefined || name === undefined || experimentUidOf({ metadata }) !== uidOf(experiment)) return false;
  if (labelled.attempt < 1 || labelled.attempt > noted(labelled)) return false;
  const owners = metadata.ownerReferences ?? [];
  const controller = owners.find((owner) => owner.controller === true);
  if (controller !== undefined) return controller.kind === 'Job' && controller.name === name;
  return owners.every(({ uid }) => uid === uidOf(experiment));
}

/** The pods among these that are the experiment's: of these Jobs, which are its own, or left by one of an attempt that the status has noted. */
export function ownPods(
  pods: readonly KeptPod[],
  jobs: readonly KeptJob[],
  experiment: SegmentationExperiment,
  noted: NotedAttempts,
): readonly KeptPod[] {
  const uids = new Set(jobs.map(({ metadata }) => metadata.uid));
  return pods.filter((pod) => {
    const { metadata } = pod;
    const isOfJob = metadata.namespace === experiment.metadata.namespace && uids.has(controllerUid(metadata) ?? '');
    return isOfJob || isLeft(pod, experiment, noted);
  });
}
