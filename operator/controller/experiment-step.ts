/** One step for one experiment of the cluster: does what is due and returns when to look again. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { Finding } from '@carpal/configs/finding.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type ExperimentStatus, isTerminal } from '@carpal/configs/schema/status.ts';
import { keyOf } from '@carpal/kubernetes/api/objects.ts';
import type { EventRecorder } from '@carpal/kubernetes/runtime/event-recorder.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import { invalidManifestStatus } from '../experiment/invalid-manifest.ts';
import { reconcile } from '../experiment/reconcile.ts';
import { soonest } from '../experiment/soonest.ts';
import { statusDiff } from '../experiment/status-diff.ts';
import { startedAttempts } from '../jobs/own-objects.ts';
import { cleanUp } from './clean-up.ts';
import type { ActiveExperiments, ExperimentMemory } from './experiment-memory.ts';
import { type KeptExperiment, regarding, statusOfObject, writeStatus } from './experiment-object.ts';
import { adoptOwnOrphans, experimentSubstrate, type JobDependencies, jobSubstrate } from './experiment-substrate.ts';
import type { OperatorMetrics } from './metrics.ts';
import type { ProgressReader } from './progress-reader.ts';
import { logChanges, reportPlan } from './record-changes.ts';

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
  return async (key) => {
    const kept = collections.experiments.get(key);
    // The experiment owns its Jobs, so Kubernetes deletes them with it.
    if (kept === undefined || kept.metadata.deletionTimestamp !== undefined) return undefined;
    if (kept.ended !== undefined) return await cleanUp(dependencies, kept, kept.ended);
    const memory = active.get(key);
    if (kept.object === undefined || memory === undefined) return undefined;
    const status = statusOfObject(kept.object);
    const checked = memory.validation.check(kept.object, status);
    if ('findings' in checked) return await endInvalid(dependencies, kept, status, checked.findings);
    return await advance(dependencies, memory, kept, status, checked.experiment);
  };
}

/** Ends an experiment whose manifest cannot run. The next step cleans up. */
async function endInvalid(
  { client, collections, events, now, log }: StepDependencies,
  kept: KeptExperiment,
  before: ExperimentStatus | undefined,
  findings: readonly Finding[],
): Promise<number> {
  const status = invalidManifestStatus(findings, kept.metadata, before, now());
  await writeStatus(client, collections.experiments, kept, status);
  logChanges(log, kept, statusDiff(before, status));
  const note = status.conditions.find(({ type }) => type === 'Failed')?.message ?? '';
  events.record(regarding(kept), [{ type: 'Warning', reason: 'InvalidManifest', note: note.slice(0, 1024) }]);
  return 0;
}

/** observe → plan → act for an active experiment. */
async function advance(
  dependencies: StepDependencies,
  memory: ExperimentMemory,
  kept: KeptExperiment,
  status: ExperimentStatus | undefined,
  experiment: SegmentationExperiment,
): Promise<number | undefined> {
  const { client, collections, store, progress, settings, now, log } = dependencies;
  const started = startedAttempts(status);
  await adoptOwnOrphans(dependencies, experiment, started);
  const jobs = jobSubstrate(dependencies, experiment, started, status?.image);
  let written = kept;
  const { plan } = await reconcile(experiment, {
    substrate: experimentSubstrate({ jobs, experiment, status, memory, store, settings, now, log }),
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
  if (!isTerminal(plan.status)) return soonest(plan.requeueAfterMs, progress.nextReadMs(memory.progress));
  // The next step cleans up and uses the state that the experiment has then.
  const isKeptAsEnded = collections.experiments.get(keyOf(experiment.metadata))?.ended !== undefined;
  return isKeptAsEnded ? 0 : plan.requeueAfterMs;
}
