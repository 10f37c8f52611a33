/** What is left to do for an experiment that has ended: stop what still runs, and remove what is older than run.ttlAfterFinished. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { EXPERIMENTS, experimentKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { keyOf } from '@carpal/kubernetes/api/objects.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { EventRecorder } from '@carpal/kubernetes/runtime/event-recorder.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import { expiredRuns, timeLeftMs } from '../experiment/expiry.ts';
import { isActive, type StageRun } from '../experiment/observed.ts';
import { EVERY_ATTEMPT } from '../jobs/own-objects.ts';
import {
  type EndedExperiment,
  type ExperimentObject,
  identityOf,
  type KeptExperiment,
  keepExperiment,
  regarding,
  statusOfObject,
  writeStatus,
} from './experiment-object.ts';
import { adoptOwnOrphans, type JobDependencies, jobSubstrate } from './experiment-substrate.ts';

export type CleanUp = {
  /** Names of attempts that still run. */
  readonly stop: readonly string[];
  /** Names of attempts whose time to live has passed. */
  readonly remove: readonly string[];
  /** The URI of artifacts whose time to live has passed. Attempts are removed first, so that none writes while artifacts are removed. */
  readonly removeArtifacts?: string;
  /** Milliseconds until the next time to live has passed. */
  readonly nextMs: number | undefined;
};

export function cleanUpPlan(
  runs: readonly StageRun[],
  { finishedAt, ttlAfterFinished, expiringArtifacts }: Omit<EndedExperiment, 'failed'>,
  now: Date,
): CleanUp {
  const stop = runs.filter((run) => isActive(run) && run.stopRequested !== true).map(({ name }) => name);
  if (runs.length > 0 || expiringArtifacts === undefined || finishedAt === undefined)
    return { stop, ...expiredRuns(runs, finishedAt, ttlAfterFinished, now) };
  const leftMs = timeLeftMs(finishedAt, ttlAfterFinished, now);
  return leftMs > 0 ? { stop, remove: [], nextMs: leftMs } : { stop, remove: [], removeArtifacts: expiringArtifacts, nextMs: undefined };
}

type Dependencies = JobDependencies & RemovalDependencies & { readonly events: EventRecorder; readonly log: Log };

/** Carries out the clean-up plan. Returns the milliseconds until the next clean-up. */
export async function cleanUp(dependencies: Dependencies, kept: KeptExperiment, ended: EndedExperiment): Promise<number | undefined> {
  const experiment = identityOf(kept);
  await adoptOwnOrphans(dependencies, experiment, EVERY_ATTEMPT);
  const substrate = jobSubstrate(dependencies, experiment, EVERY_ATTEMPT);
  const { stop, remove, removeArtifacts, nextMs } = cleanUpPlan(await substrate.observe(), ended, dependencies.now());
  for (const name of stop) await substrate.stop(name);
  for (const name of remove) await substrate.remove(name);
  if (removeArtifacts === undefined) return nextMs;
  const removed = await removeExpiredArtifacts(dependencies, experiment, removeArtifacts);
  if (removed === undefined) return undefined;
  const written = await writeStatus(dependencies.client, dependencies.collections.experiments, removed.kept, removed.status);
  dependencies.log.info({ experiment: keyOf(written.metadata), artifacts: removeArtifacts }, 'the artifacts were removed');
  const note = `${removeArtifacts} was removed: run.ttlAfterFinished has passed`;
  dependencies.events.record(regarding(written), [{ type: 'Normal', reason: 'ArtifactsRemoved', note: note.slice(-1024) }]);
  return undefined;
}

type RemovalDependencies = { readonly client: KubernetesClient; readonly store: ArtifactStore; readonly now: () => Date };

/**
 * Removes the artifacts at `uri` of an ended experiment that has no attempts left. Returns the experiment as the API server has it, and the
 * new status without the artifacts. Because a removal cannot be undone and a watch may lag, the function first reads the experiment from
 * the API server. It returns undefined and removes nothing if the experiment is gone, was replaced, or now keeps its artifacts, or if the
 * artifacts are not in `store`.
 */
export async function removeExpiredArtifacts(
  { client, store, now }: RemovalDependencies,
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
