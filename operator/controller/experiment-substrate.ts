import { writeExperimentRecord } from '@carpal/artifacts/experiment-record.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { messageOf } from '@carpal/configs/errors.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type ExperimentStatus, holdsPlace } from '@carpal/configs/schema/status.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { keyOf } from '@carpal/kubernetes/api/objects.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import type { PlannedStart } from '../experiment/next-starts.ts';
import type { StageRun } from '../experiment/observed.ts';
import { attemptName, sameStage } from '../experiment/stage.ts';
import { entriesOf } from '../experiment/stages.ts';
import { StartHeld, type Substrate } from '../experiment/substrate.ts';
import { createKubernetesSubstrate, type KubernetesSubstrate } from '../jobs/kubernetes-substrate.ts';
import type { StartedAttempts } from '../jobs/own-objects.ts';
import type { MissingPodReason } from '../jobs/pending-reason.ts';
import type { AskQueue } from '../jobs/queue-reason.ts';
import type { Collections } from './collections.ts';
import type { ExperimentMemory } from './experiment-memory.ts';
import { explainFailures } from './explain-failures.ts';
import type { OperatorSettings } from './operator-settings.ts';

/** Where the attempts of one experiment of the cluster run: its Jobs, plus what the controller adds to observing and starting them. */

export type JobDependencies = {
  readonly client: KubernetesClient;
  readonly collections: Collections;
  readonly settings: OperatorSettings;
  /** One for the whole operator. */
  readonly missingPod: MissingPodReason;
  /** One for the whole operator. */
  readonly askQueue: AskQueue;
  readonly now: () => Date;
};

/** The Jobs of an experiment. `image` is the image of its first attempt; by default the image of the settings. */
export function jobSubstrate(
  { client, collections: { jobs, pods }, settings: { stages }, missingPod, askQueue, now }: JobDependencies,
  experiment: SegmentationExperiment,
  started: StartedAttempts,
  image = stages.image,
): KubernetesSubstrate {
  return createKubernetesSubstrate({ client, jobs, pods, experiment, settings: { ...stages, image }, started, missingPod, askQueue, now });
}

export type ExperimentSubstrateOptions = {
  readonly jobs: KubernetesSubstrate;
  readonly experiment: SegmentationExperiment;
  /** The status written last. */
  readonly status: ExperimentStatus | undefined;
  readonly memory: ExperimentMemory;
  readonly store: ArtifactStore;
  readonly settings: OperatorSettings;
  /** Why the experiment has not the finalizer that it asks for, if the API server denied it. Nothing is started then. */
  readonly finalizerDenied?: unknown;
  readonly now: () => Date;
  readonly log: Log;
};

/**
 * The substrate that a step of an active experiment reconciles with.
 *
 * - `observe`: the Jobs that the collections hold; then attempts that seem lost are confirmed with the API server; then new failures are explained.
 * - `start`: backs off from starts that fail, and writes experiment.json before the first artifact, so that artifacts always name their origin.
 * - `stop`, `abandon`, `remove`: those of the Jobs.
 */
export function experimentSubstrate(options: ExperimentSubstrateOptions): Substrate {
  const { jobs, experiment, status, memory, store, settings, finalizerDenied, now, log } = options;
  return {
    async observe() {
      const seen = await jobs.observe();
      const hasGone = (name: string): boolean => memory.goneJobs.has(name);
      const confirmed = await confirmVanished(seen, experiment, status, { ask: jobs.ask, hasGone, now });
      return await explainFailures(confirmed, status, {
        store,
        experiment,
        onLost: ({ name }, error) =>
          log.warn({ experiment: keyOf(experiment.metadata), attempt: name, error }, 'the log of an attempt could not be stored'),
      });
    },
    start: async (attempt) =>
      await memory.startBackoff.start(attempt.name, async () => {
        if (finalizerDenied !== undefined) throw deniedFinalizer(finalizerDenied);
        if (attempt.stage === 'prepare') await writeExperimentRecord(store, experiment, settings.provenance);
        await jobs.start(attempt);
      }),
    stop: jobs.stop,
    ...(jobs.abandon === undefined ? {} : { abandon: jobs.abandon }),
    remove: jobs.remove,
  };
}

/** Without the finalizer, the experiment could be deleted without its artifacts, which it does not allow. */
function deniedFinalizer(cause: unknown): StartHeld {
  const message = `run.deletionRemovesArtifacts needs a finalizer, which the operator may not add: ${messageOf(cause)}`;
  return new StartHeld(message, 0, { hold: 'denied', cause });
}

type Confirmation = {
  /** Reads an attempt from the API server. */
  readonly ask: (attempt: PlannedStart) => Promise<StageRun | undefined>;
  /** Whether this process has seen the Job of that name disappear before it had ended. */
  readonly hasGone: (name: string) => boolean;
  readonly now: () => Date;
};

/**
 * Adds to the observed runs the attempts that the status records as alive and that were not observed, if the API server still has them. The
 * watches on experiments, Jobs and pods are independent, and another leader may have written the status, so an unseen attempt may still
 * run. If it counted as lost, its successor would start while it runs. A starting attempt is read only if its Job has disappeared. If the
 * API server has neither its Job nor a pod, the attempt is reported as disrupted.
 */
export async function confirmVanished(
  runs: readonly StageRun[],
  { metadata: { name: experiment } }: SegmentationExperiment,
  status: ExperimentStatus | undefined,
  { ask, hasGone, now }: Confirmation,
): Promise<readonly StageRun[]> {
  const missing = (status === undefined ? [] : entriesOf(status))
    .filter(([, stage]) => holdsPlace(stage))
    .map(([key, { attempts, state }]) => ({ attempt: { ...key, attempt: attempts, name: attemptName(experiment, key, attempts) }, state }))
    .filter(({ attempt, state }) => state !== 'Starting' || hasGone(attempt.name))
    .filter(({ attempt }) => !runs.some((run) => sameStage(attempt, run) && run.attempt >= attempt.attempt));
  const found = await Promise.all(
    missing.map(async ({ attempt, state }) => (await ask(attempt)) ?? (state === 'Starting' ? disruptedStart(attempt, now()) : undefined)),
  );
  return [...runs, ...found.filter((run) => run !== undefined)];
}

function disruptedStart(attempt: PlannedStart, now: Date): StageRun {
  const time = now.toISOString();
  const message = 'the attempt was removed before it was seen to run';
  return { ...attempt, state: 'failed', disrupted: true, reason: 'JobDeleted', message, pendingSince: time, finishedAt: time };
}
