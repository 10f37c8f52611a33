/** One step for one experiment of the cluster: does what is due and returns when to look again. */
import { isDeepStrictEqual } from 'node:util';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { Finding } from '@carpal/configs/finding.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type ExperimentStatus, isTerminal } from '@carpal/configs/schema/status.ts';
import { keyOf } from '@carpal/kubernetes/api/objects.ts';
import type { EventRecorder } from '@carpal/kubernetes/runtime/event-recorder.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import { heldManifestStatus } from '../experiment/held-manifest.ts';
import { reconcile } from '../experiment/reconcile.ts';
import { reopens } from '../experiment/reopen.ts';
import { soonest } from '../experiment/soonest.ts';
import { startedAttempts } from '../jobs/own-objects.ts';
import { agreeFinalizer, createArtifactsDeletion } from './artifacts-deletion.ts';
import { cleanUp, removeExpiredArtifacts } from './clean-up.ts';
import type { ActiveExperiments, ExperimentMemory } from './experiment-memory.ts';
import { type KeptExperiment, regarding, statusOfObject, writeStatus } from './experiment-object.ts';
import { experimentSubstrate, type JobDependencies, jobSubstrate } from './experiment-substrate.ts';
import type { OperatorMetrics } from './metrics.ts';
import { removeOrphanedPods } from './orphaned-pods.ts';
import type { ProgressReader } from './progress-reader.ts';
import { lookAgainMs } from './reconcile-delay.ts';
import { reportPlan } from './record-changes.ts';

export type StepDependencies = JobDependencies & {
  readonly active: ActiveExperiments;
  readonly store: ArtifactStore;
  readonly progress: ProgressReader;
  readonly events: EventRecorder;
  readonly metrics: Pick<OperatorMetrics, 'stageEnded' | 'gpuSeconds'>;
  readonly now: () => Date;
  readonly log: Log;
};

/** Works on the experiment `namespace/name`. Returns the milliseconds until the next step if nothing happens before. */
export type ExperimentStep = (key: string) => Promise<number | undefined>;

export function createExperimentStep(dependencies: StepDependencies): ExperimentStep {
  const { collections, active } = dependencies;
  const removeDeleted = createArtifactsDeletion(dependencies);
  return async (key) => {
    const known = collections.experiments.get(key);
    await removeOrphanedPods(dependencies, key, known);
    // The experiment owns its Jobs, so Kubernetes deletes them with it.
    if (known === undefined) return undefined;
    if (known.metadata.deletionTimestamp !== undefined) return await removeDeleted(known);
    const { kept, denied } = await agreeFinalizer(dependencies, known);
    if (kept.ended !== undefined) return await cleanUp(dependencies, kept, kept.ended);
    const memory = active.get(key);
    if (kept.object === undefined || memory === undefined) return undefined;
    const status = statusOfObject(kept.object);
    const checked = memory.validation.check(kept.object, status);
    if ('findings' in checked) return await hold(dependencies, kept, status, checked.findings);
    const subject: Subject = { kept, memory, status, experiment: checked.experiment, finalizerDenied: denied };
    return status !== undefined && isTerminal(status)
      ? await reconsider(dependencies, subject, status)
      : await advance(dependencies, subject);
  };
}

/** An experiment and what a step knows about it. */
type Subject = {
  readonly kept: KeptExperiment;
  readonly memory: ExperimentMemory;
  readonly status: ExperimentStatus | undefined;
  readonly experiment: SegmentationExperiment;
  readonly finalizerDenied: unknown;
};

/**
 * Holds an experiment whose manifest this operator does not understand: nothing new is started, and what runs keeps running. Only a change
 * of the object, or an operator of another version, continues it.
 */
async function hold(
  { client, collections, events, now, log }: StepDependencies,
  kept: KeptExperiment,
  before: ExperimentStatus | undefined,
  findings: readonly Finding[],
): Promise<undefined> {
  const status = heldManifestStatus(findings, kept.metadata, before, now());
  if (isDeepStrictEqual(before, status)) return;
  const written = await writeStatus(client, collections.experiments, kept, status);
  const note = status.conditions.find(({ type }) => type === 'Held')?.message ?? '';
  log.warn({ experiment: keyOf(kept.metadata), mistakes: note }, 'the manifest is not understood; the experiment is held');
  events.record(regarding(written), [{ type: 'Warning', reason: 'ManifestNotUnderstood', note }]);
}

/** An ended experiment whose spec has changed: the planner reopens it, or it stays as it is. */
async function reconsider(dependencies: StepDependencies, subject: Subject, status: ExperimentStatus): Promise<number | undefined> {
  const { client, collections } = dependencies;
  const { kept, experiment } = subject;
  const { artifacts, artifactsRemovedAt } = status;
  // What is left of an interrupted removal must not become part of the reopened experiment.
  const isHalfRemoved = artifactsRemovedAt !== undefined && artifacts !== undefined;
  if (isHalfRemoved && (await removeExpiredArtifacts(dependencies, { kept, status }, artifacts))) return 0;
  if (reopens(experiment, status)) return await advance(dependencies, subject);
  const { generation } = experiment.metadata;
  const settled = { ...status, ...(generation === undefined ? {} : { observedGeneration: generation }) };
  const conditions = status.conditions.filter(({ type }) => type !== 'Held');
  await writeStatus(client, collections.experiments, kept, { ...settled, conditions });
  return 0;
}

/** observe → plan → act for an active experiment. */
async function advance(
  dependencies: StepDependencies,
  { kept, memory, status, experiment, finalizerDenied }: Subject,
): Promise<number | undefined> {
  const { client, collections, store, progress, settings, now, log } = dependencies;
  const started = startedAttempts(status);
  const jobs = jobSubstrate(dependencies, experiment, started, status?.image);
  let written = kept;
  const { plan, observed } = await reconcile(experiment, {
    substrate: experimentSubstrate({ jobs, experiment, status, memory, store, settings, finalizerDenied, now, log }),
    readProgress: async () => await progress.read(experiment, memory.progress, status, await jobs.observe()),
    readStatus: async () => status,
    writeStatus: async (next) => {
      written = await writeStatus(client, collections.experiments, written, next);
    },
    onStatusWritten: (next) => reportPlan(dependencies, written, experiment, next),
    artifacts: store.uri,
    image: settings.stages.image,
    now,
    ...(settings.retry === undefined ? {} : { retry: settings.retry }),
  });
  if (!isTerminal(plan.status))
    return soonest(plan.requeueAfterMs, progress.nextReadMs(memory.progress), lookAgainMs(observed.runs, now()));
  // The next step cleans up and uses the state that the experiment has then.
  const isKeptAsEnded = collections.experiments.get(keyOf(experiment.metadata))?.ended !== undefined;
  return isKeptAsEnded ? 0 : plan.requeueAfterMs;
}
