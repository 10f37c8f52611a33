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
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { ObjectMeta, Pod } from '@carpal/kubernetes/api/objects.ts';
import { PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { attemptName } from '../experiment/stage.ts';
import { stageAt } from '../experiment/stages.ts';
import type { KeptJob, KeptPod } from './kept-objects.ts';
import { controllerUid, experimentUidOf, labelledAttempt, ownedBy, uidOf } from './ownership.ts';

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

/**
 * Makes the experiment an owner of its pods without an owner, so that they are deleted with it. Pods lose their owner if their Job is
 * deleted with --cascade=orphan. Returns the changed pods. The experiment does not become their controller: an attempt's controller is its
 * Job, which is gone. A change that the API server refuses is tried again in the next step.
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
    // The version makes the request fail if the pod has got an owner meanwhile.
    const body = { metadata: { uid, resourceVersion, ownerReferences: [owner] } };
    try {
      adopted.push(await client.request<Pod>({ method: 'PATCH', path: resourcePath(PODS, { namespace, name }), body }));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }
  return adopted;
}
