/**
 * run.deletionRemovesArtifacts: a finalizer keeps a deleted experiment until the operator has stopped its attempts and removed its
 * artifacts. Experiments that do not ask for this have no finalizer, and nothing delays their deletion.
 */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { messageOf } from '@carpal/configs/errors.ts';
import { ARTIFACTS_FINALIZER, experimentKey } from '@carpal/configs/names.ts';
import { isStatus } from '@carpal/kubernetes/api/api-error.ts';
import { keyOf } from '@carpal/kubernetes/api/objects.ts';
import type { EventRecorder } from '@carpal/kubernetes/runtime/event-recorder.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import { isActive, mustBeAbandoned } from '../experiment/observed.ts';
import { EVERY_ATTEMPT } from '../jobs/own-objects.ts';
import {
  type ExperimentObject,
  identityOf,
  type KeptExperiment,
  keepExperiment,
  newestExperiment,
  regarding,
  writeFinalizer,
} from './experiment-object.ts';
import { type JobDependencies, jobSubstrate } from './experiment-substrate.ts';

export type DeletionDependencies = JobDependencies & {
  readonly store: ArtifactStore;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly now: () => Date;
  readonly log: Log;
};

const hasFinalizer = ({ metadata }: KeptExperiment): boolean => metadata.finalizers?.includes(ARTIFACTS_FINALIZER) ?? false;

/** `denied`: the API server did not let the operator add the finalizer that the experiment needs. */
export type Finalized = { readonly kept: KeptExperiment; readonly denied?: unknown };

/** Makes the finalizer agree with run.deletionRemovesArtifacts of an experiment that is not being deleted. */
export async function agreeFinalizer(
  { client, collections: { experiments } }: Pick<JobDependencies, 'client' | 'collections'>,
  kept: KeptExperiment,
): Promise<Finalized> {
  if (hasFinalizer(kept) === kept.deletionRemovesArtifacts) return { kept };
  try {
    return { kept: await writeFinalizer(client, experiments, kept, kept.deletionRemovesArtifacts) };
  } catch (error) {
    if (isStatus(error, 403)) return kept.deletionRemovesArtifacts ? { kept, denied: error } : { kept };
    throw error;
  }
}

/** How soon to look again whether the attempts have ended. Their ends cause steps too. */
const LOOK_AGAIN_MS = 10_000;
const RETRY_MS = { first: 5000, longest: 300_000 } as const;

type Failing = { readonly inARow: number; readonly untilMs: number };

/** Works on an experiment that is being deleted. Returns the milliseconds until the next step if nothing happens before. */
export type ArtifactsDeletion = (kept: KeptExperiment) => Promise<number | undefined>;

export function createArtifactsDeletion(dependencies: DeletionDependencies): ArtifactsDeletion {
  const { client, collections, store, events, now, log } = dependencies;
  const failing = new Map<string | undefined, Failing>();

  /** Asks every attempt to stop. Returns whether none is left that could write artifacts. */
  const attemptsAreOver = async (kept: KeptExperiment): Promise<boolean> => {
    const substrate = jobSubstrate(dependencies, identityOf(kept), EVERY_ATTEMPT);
    const runs = await substrate.observe();
    const active = runs.filter(isActive);
    for (const { name } of active) await substrate.stop(name);
    for (const { name } of runs.filter(mustBeAbandoned)) await substrate.abandon?.(name);
    return active.length === 0;
  };

  const remove = async (object: ExperimentObject): Promise<void> => {
    const kept = keepExperiment(object);
    const key = experimentKey(identityOf(kept));
    const uri = object.status?.artifacts;
    if (uri !== undefined && uri !== `${store.uri}/${key}`) throw new Error(`it is not in the store of this operator, ${store.uri}`);
    await store.remove(key);
    log.info({ experiment: keyOf(kept.metadata), artifacts: `${store.uri}/${key}` }, 'the artifacts of a deleted experiment were removed');
    const note = `${store.uri}/${key} was removed: the experiment was deleted`;
    events.record(regarding(kept), [{ type: 'Normal', reason: 'ArtifactsRemoved', note: note.slice(-1024) }]);
  };

  /** Reports that the artifacts could not be removed. Returns the milliseconds until the next try. */
  const retryMs = (object: ExperimentObject, error: unknown): number => {
    const kept = keepExperiment(object);
    const { uid } = kept.metadata;
    const inARow = (failing.get(uid)?.inARow ?? 0) + 1;
    const againInMs = Math.min(RETRY_MS.first * 2 ** Math.min(inARow - 1, 20), RETRY_MS.longest);
    failing.set(uid, { inARow, untilMs: now().getTime() + againInMs });
    log.warn({ experiment: keyOf(kept.metadata), error, againInMs }, 'the artifacts of a deleted experiment cannot be removed');
    const uri = object.status?.artifacts ?? store.uri;
    const note =
      `the artifacts cannot be removed from ${uri}: ${messageOf(error)}. The deletion waits for it, and the operator tries again. ` +
      'To delete the experiment without its artifacts, set run.deletionRemovesArtifacts to false.';
    events.record(regarding(kept), [{ type: 'Warning', reason: 'ArtifactsNotRemoved', note }]);
    return againInMs;
  };

  return async (kept) => {
    const { uid } = kept.metadata;
    if (!hasFinalizer(kept)) {
      failing.delete(uid);
      return undefined;
    }
    const waitMs = (failing.get(uid)?.untilMs ?? 0) - now().getTime();
    // The user may have given up the artifacts meanwhile.
    if (kept.deletionRemovesArtifacts && waitMs > 0) return waitMs;
    if (kept.deletionRemovesArtifacts && !(await attemptsAreOver(kept))) return LOOK_AGAIN_MS;
    // A removal cannot be undone, and a watch may lag.
    const object = await newestExperiment(client, kept);
    if (object === undefined) return undefined;
    const newest = keepExperiment(object);
    if (!hasFinalizer(newest)) return undefined;
    if (newest.deletionRemovesArtifacts) {
      try {
        await remove(object);
      } catch (error) {
        return retryMs(object, error);
      }
    }
    failing.delete(uid);
    await writeFinalizer(client, collections.experiments, newest, false);
    return undefined;
  };
}
