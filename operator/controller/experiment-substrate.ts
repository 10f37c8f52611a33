import { writeExperimentRecord } from '@carpal/artifacts/experiment-record.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type ExperimentStatus, holdsPlace } from '@carpal/configs/schema/status.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { keyOf } from '@carpal/kubernetes/api/objects.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import type { PlannedStart } from '../experiment/next-starts.ts';
import type { StageRun } from '../experiment/observed.ts';
import { attemptName, sameStage } from '../experiment/stage.ts';
import { entriesOf } from '../experiment/stages.ts';
import type { Substrate } from '../experiment/substrate.ts';
import { createKubernetesSubstrate, type KubernetesSubstrate } from '../jobs/kubernetes-substrate.ts';
import { adoptOrphans, ownPods, type StartedAttempts } from '../jobs/own-objects.ts';
import type { MissingPodReason } from '../jobs/pending-reason.ts';
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
};

/** The Jobs of an experiment. `image` is the image of its first attempt; by default the image of the settings. */
export function jobSubstrate(
  { client, collections: { jobs, pods }, settings: { stages }, missingPod }: JobDependencies,
  experiment: SegmentationExperiment,
  started: StartedAttempts,
  image = stages.image,
): KubernetesSubstrate {
  return createKubernetesSubstrate({ client, jobs, pods, experiment, settings: { ...stages, image }, started, missingPod });
}

/** Makes the experiment an owner of its orphaned pods; see `adoptOrphans`. */
export async function adoptOwnOrphans(
  { client, collections: { pods } }: JobDependencies,
  experiment: SegmentationExperiment,
  started: StartedAttempts,
): Promise<void> {
  const own = ownPods(pods.indexed(experiment.metadata.uid ?? ''), [], experiment, started);
  for (const pod of await adoptOrphans(client, own, experiment)) pods.absorb(pod);
}

export type ExperimentSubstrateOptions = {
  readonly jobs: KubernetesSubstrate;
  readonly experiment: SegmentationExperiment;
  /** The status written last. */
  readonly status: ExperimentStatus | undefined;
  readonly memory: ExperimentMemory;
  readonly store: ArtifactStore;
  readonly settings: OperatorSettings;
  readonly now: () => Date;
  readonly log: Log;
};

/**
 * The substrate that a step of an active experiment reconciles with.
 *
 * - `observe`: the Jobs that the collections hold; then attempts that seem lost are confirmed with the API server; then new failures are explained.
 * - `start`: backs off from starts that fail, and writes experiment.json before the first artifact, so that artifacts always name their origin.
 * - `stop`, `remove`: those of the Jobs.
 */
export function experimentSubstrate(options: ExperimentSubstrateOptions): Substrate {
  const { jobs, experiment, status, memory, store, settings, now, log } = options;
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
        if (attempt.stage === 'prepare') await writeExperimentRecord(store, experiment, settings.provenance);
        await jobs.start(attempt);
      }),
    stop: jobs.stop,
    remove: jobs.remove,
  };
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
