/** What is left to do for an experiment that has ended: stop what still runs, and remove what is older than run.ttlAfterFinished. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { experimentKey } from '@carpal/configs/names.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { keyOf } from '@carpal/kubernetes/api/objects.ts';
import type { EventRecorder } from '@carpal/kubernetes/runtime/event-recorder.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import { expiredRuns, timeLeftMs } from '../experiment/expiry.ts';
import { isActive, mustBeAbandoned, type StageRun } from '../experiment/observed.ts';
import { soonest } from '../experiment/soonest.ts';
import { EVERY_ATTEMPT } from '../jobs/own-objects.ts';
import {
  type EndedExperiment,
  type ExperimentObject,
  identityOf,
  type KeptExperiment,
  keepExperiment,
  newestExperiment,
  regarding,
  statusOfObject,
  writeStatus,
} from './experiment-object.ts';
import { type JobDependencies, jobSubstrate } from './experiment-substrate.ts';
import { lookAgainMs } from './reconcile-delay.ts';

export type CleanUp = {
  /** Names of attempts that still run. */
  readonly stop: readonly string[];
  /** Names of attempts on nodes that no longer answer. */
  readonly abandon: readonly string[];
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
  const abandon = runs.filter(mustBeAbandoned).map(({ name }) => name);
  const stopped = { stop, abandon };
  if (runs.length > 0 || expiringArtifacts === undefined || finishedAt === undefined)
    return { ...stopped, ...expiredRuns(runs, finishedAt, ttlAfterFinished, now) };
  const leftMs = timeLeftMs(finishedAt, ttlAfterFinished, now);
  if (leftMs > 0) return { ...stopped, remove: [], nextMs: leftMs };
  return { ...stopped, remove: [], removeArtifacts: expiringArtifacts, nextMs: undefined };
}

type Dependencies = JobDependencies & RemovalDependencies;

/**
 * Carries out the clean-up plan. Returns the milliseconds until the next clean-up. Because a removal cannot be undone and a watch may lag,
 * the experiment is first read from the API server; nothing is removed if it is gone or has changed.
 */
export async function cleanUp(dependencies: Dependencies, kept: KeptExperiment, ended: EndedExperiment): Promise<number | undefined> {
  const experiment = identityOf(kept);
  const substrate = jobSubstrate(dependencies, experiment, EVERY_ATTEMPT);
  const runs = await substrate.observe();
  const planned = cleanUpPlan(runs, ended, dependencies.now());
  for (const name of planned.stop) await substrate.stop(name);
  for (const name of planned.abandon) await substrate.abandon?.(name);
  if (planned.remove.length === 0 && planned.removeArtifacts === undefined)
    return soonest(planned.nextMs, lookAgainMs(runs, dependencies.now()));
  const newest = await stillEnded(dependencies, kept);
  if (newest === undefined) return undefined;
  const { remove, removeArtifacts, nextMs } = cleanUpPlan(await substrate.observe(), newest.ended, dependencies.now());
  for (const name of remove) await substrate.remove(name);
  if (removeArtifacts !== undefined) await removeExpiredArtifacts(dependencies, newest, removeArtifacts);
  return nextMs;
}

type Newest = { readonly kept: KeptExperiment; readonly ended: EndedExperiment; readonly status: ExperimentStatus };

/** The experiment as the API server has it, unless it is gone, is being deleted, or may be reopened. */
async function stillEnded({ client }: Pick<Dependencies, 'client'>, kept: KeptExperiment): Promise<Newest | undefined> {
  const object = await newestExperiment(client, kept);
  const status = object === undefined ? undefined : statusOfObject(object);
  if (object === undefined || status === undefined || object.metadata.deletionTimestamp !== undefined) return undefined;
  const newest = keepExperiment(object);
  return newest.ended === undefined ? undefined : { kept: newest, ended: newest.ended, status };
}

type RemovalDependencies = {
  readonly client: KubernetesClient;
  readonly collections: { readonly experiments: { absorb(object: ExperimentObject): void } };
  readonly store: ArtifactStore;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly now: () => Date;
  readonly log: Log;
};

/**
 * Removes the artifacts at `uri` of an ended experiment that has no attempts left. Returns false if they are not in the operator's store. The
 * status says so first: an experiment that is reopened during the removal then starts from the beginning, instead of continuing with half of its
 * artifacts. It names the artifacts until they are gone, so that an interrupted removal is finished.
 */
export async function removeExpiredArtifacts(
  { client, collections: { experiments }, store, events, now, log }: RemovalDependencies,
  { kept, status }: Pick<Newest, 'kept' | 'status'>,
  uri: string,
): Promise<boolean> {
  const key = experimentKey(identityOf(kept));
  if (uri !== `${store.uri}/${key}`) return false;
  const marked: ExperimentStatus = { ...status, artifactsRemovedAt: status.artifactsRemovedAt ?? now().toISOString() };
  const current = status.artifactsRemovedAt === undefined ? await writeStatus(client, experiments, kept, marked) : kept;
  await store.remove(key);
  const { artifacts: _artifacts, submission: _submission, ...rest } = marked;
  const written = await writeStatus(client, experiments, current, rest);
  log.info({ experiment: keyOf(written.metadata), artifacts: uri }, 'the artifacts were removed');
  const note = `${uri} was removed: run.ttlAfterFinished has passed`;
  events.record(regarding(written), [{ type: 'Normal', reason: 'ArtifactsRemoved', note: note.slice(-1024) }]);
  return true;
}
