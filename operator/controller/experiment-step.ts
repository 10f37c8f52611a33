/** One look at one experiment of the cluster: what there is to do for it is done, and when to look again is answered. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { type ExperimentStatus, holdsPlace, isTerminal } from '@carpal/configs/experiment-status.ts';
import type { Finding } from '@carpal/configs/finding.ts';
import { API_VERSION, KIND, type SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { keyOf } from '@carpal/kubernetes/api/object-key.ts';
import type { EventRecorder } from '@carpal/kubernetes/runtime/event-recorder.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import type { OperatorMetrics } from '@carpal/kubernetes/runtime/metrics.ts';
import { writeExperimentRecord } from '../experiment/experiment-record.ts';
import { invalidManifestStatus } from '../experiment/invalid-manifest.ts';
import type { StageRun } from '../experiment/observed.ts';
import { outcomeOf } from '../experiment/outcome.ts';
import type { Plan } from '../experiment/plan.ts';
import { reconcile } from '../experiment/reconcile.ts';
import { DEFAULT_RETRY } from '../experiment/retry-delay.ts';
import { stageAt } from '../experiment/stages.ts';
import type { Substrate } from '../experiment/substrate.ts';
import { adoptOrphans } from '../jobs/adopt-orphans.ts';
import { createKubernetesSubstrate, type KubernetesSubstrate } from '../jobs/kubernetes-substrate.ts';
import type { MissingPodWords } from '../jobs/missing-pod.ts';
import { type NotedAttempts, notedAttempts, ownPods } from '../jobs/own-objects.ts';
import { attemptEnds } from './attempt-ends.ts';
import { cleanUpPlan, EVERY_ATTEMPT } from './clean-up-plan.ts';
import type { Collections } from './collections.ts';
import { confirmVanished } from './confirm-vanished.ts';
import { type EndedExperiment, identityOf, type KeptExperiment, statusOfObject } from './experiment-object.ts';
import { applyStatus } from './experiment-status-writer.ts';
import { type ExplainFailure, explainFailures } from './explain-failures.ts';
import { createGoingOn } from './going-on.ts';
import { createJudgements } from './judgements.ts';
import type { OperatorSettings } from './operator-settings.ts';
import type { ProgressReader } from './progress/progress-reader.ts';
import { removeExpiredArtifacts } from './remove-artifacts.ts';
import { createStartTries, type HeldTry, type StartTries } from './start-tries.ts';
import { logTransitions } from './transitions.ts';

/** How long a store that is away may hold up the news of a failure. */
const EXPLAIN_WITHIN_MS = 5000;

export type StepDependencies = {
  readonly client: KubernetesClient;
  readonly collections: Collections;
  readonly settings: OperatorSettings;
  readonly store: ArtifactStore;
  readonly progress: ProgressReader;
  readonly explain: (experiment: SegmentationExperiment) => ExplainFailure;
  /** One for the whole operator. */
  readonly missingPod: MissingPodWords;
  readonly events: EventRecorder;
  readonly metrics: Pick<OperatorMetrics, 'stageEnded' | 'gpuSeconds'>;
  readonly classLists: readonly string[];
  readonly now: () => Date;
  readonly log: Log;
};

type Dependencies = StepDependencies & { readonly tries: StartTries };

/** Works on the experiment `namespace/name`; milliseconds until the next look if nothing happens before. */
export type ExperimentStep = (key: string) => Promise<number | undefined>;

/** Makes the step. It keeps nothing that a restart would miss. */
export function createExperimentStep(given: StepDependencies): ExperimentStep {
  const { collections, progress, now, log } = given;
  const onHeld = ({ experiment, ...held }: HeldTry): void =>
    log.warn({ experiment: keyOf(experiment.metadata), ...held }, 'an attempt cannot be started and is tried again');
  const tries = createStartTries(given.settings.retry ?? DEFAULT_RETRY, () => now().getTime(), onHeld);
  const dependencies: Dependencies = { ...given, tries };
  const judgements = createJudgements(dependencies.classLists, log);
  const goingOn = createGoingOn((uid) => {
    for (const memory of [progress, tries, judgements]) memory.forget(uid);
  });
  return async (key) => {
    const kept = collections.experiments.get(key);
    const goesOn = kept?.object !== undefined && kept.metadata.deletionTimestamp === undefined;
    goingOn.note(key, goesOn ? kept.metadata.uid : undefined);
    // Its Jobs go with it: they are owned.
    if (kept === undefined || kept.metadata.deletionTimestamp !== undefined) return undefined;
    if (kept.ended !== undefined) return await cleanUp(dependencies, kept, kept.ended);
    if (kept.object === undefined) return undefined;
    const before = statusOfObject(kept.object);
    const found = judgements.of(kept.object, before);
    if ('findings' in found) return await endInvalid(dependencies, kept, before, found.findings);
    return await goOn(dependencies, kept, before, found.experiment);
  };
}

/** Ends an experiment whose manifest cannot be run. What runs of it is another look's to stop. */
async function endInvalid(
  dependencies: StepDependencies,
  kept: KeptExperiment,
  before: ExperimentStatus | undefined,
  findings: readonly Finding[],
): Promise<number> {
  const status = invalidManifestStatus(findings, kept.metadata, before, dependencies.now());
  await writeStatus(dependencies, kept, status);
  logTransitions(dependencies.log, kept, before, status);
  const note = status.conditions.find(({ type }) => type === 'Failed')?.message ?? '';
  dependencies.events.record(regarding(kept), [{ type: 'Warning', reason: 'InvalidManifest', note: note.slice(0, 1024) }]);
  return 0;
}

/** observe → plan → act of an experiment that has not come to its end. */
async function goOn(
  dependencies: Dependencies,
  seen: KeptExperiment,
  before: ExperimentStatus | undefined,
  experiment: SegmentationExperiment,
): Promise<number | undefined> {
  const { collections, store, progress, events, settings, now, tries, log } = dependencies;
  let kept = seen;
  const noted = notedAttempts(before);
  await adopt(dependencies, experiment, noted);
  const jobs = substrateOf(dependencies, experiment, noted, before?.image);
  const hasGone = (name: string): boolean => collections.gone.has(experiment.metadata.uid ?? '', name);
  const confirmed = confirmVanished(jobs, experiment, before, { ask: jobs.ask, hasGone, now });
  const explained = explainFailures(
    confirmed,
    (run) => isUncountedFailure(before, run),
    dependencies.explain(experiment),
    EXPLAIN_WITHIN_MS,
  );
  const substrate: Substrate = {
    ...explained,
    async start(attempt) {
      await tries.start(experiment, attempt.name, async () => {
        // A record before the first artifact: whoever finds them finds out what made them.
        if (attempt.stage === 'prepare') await writeExperimentRecord(store, experiment, settings.provenance);
        await explained.start(attempt);
      });
    },
  };
  const settled = (plan: Plan, from: ExperimentStatus | undefined): void => {
    events.record(regarding(kept), plan.events);
    logTransitions(log, kept, from, plan.status);
    for (const { stage, outcome, gpuSeconds } of attemptEnds(experiment, from, plan.status)) {
      dependencies.metrics.stageEnded(stage, outcome);
      dependencies.metrics.gpuSeconds(gpuSeconds);
    }
  };
  const { plan } = await reconcile(experiment, {
    substrate,
    readProgress: async () => progress.read(experiment, before, await jobs.observe()),
    readStatus: async () => before,
    writeStatus: async (status) => {
      kept = await writeStatus(dependencies, kept, status);
    },
    settled,
    artifacts: store.uri,
    image: settings.stages.image,
    now,
    ...(settings.retry === undefined ? {} : { retry: settings.retry }),
  });
  if (isTerminal(plan.status)) {
    // The end was told; what it leaves to do is another look's, of the object as it is now.
    const ended = collections.experiments.get(keyOf(experiment.metadata))?.ended;
    return ended === undefined ? plan.requeueAfterMs : 0;
  }
  return soonest(plan.requeueAfterMs, progress.nextReadMs(experiment));
}

/** Stops what still runs of an ended experiment and removes what has outlived its time. */
async function cleanUp(dependencies: StepDependencies, kept: KeptExperiment, ended: EndedExperiment): Promise<number | undefined> {
  const experiment = identityOf(kept);
  await adopt(dependencies, experiment, EVERY_ATTEMPT);
  const substrate = substrateOf(dependencies, experiment, EVERY_ATTEMPT);
  const { stop, remove, removeArtifacts, nextMs } = cleanUpPlan(await substrate.observe(), ended, dependencies.now());
  for (const name of stop) await substrate.stop(name);
  for (const name of remove) await substrate.remove(name);
  if (removeArtifacts === undefined) return nextMs;
  const removed = await removeExpiredArtifacts(dependencies, experiment, removeArtifacts);
  if (removed === undefined) return undefined;
  const written = await writeStatus(dependencies, removed.kept, removed.status);
  dependencies.log.info({ experiment: keyOf(written.metadata), artifacts: removeArtifacts }, 'the artifacts were removed');
  const note = `${removeArtifacts} was removed: run.ttlAfterFinished has passed`;
  dependencies.events.record(regarding(written), [{ type: 'Normal', reason: 'ArtifactsRemoved', note: note.slice(-1024) }]);
  return undefined;
}

/** Whether the status has not counted this end yet, and it is not one that the operator itself asked for: of that nothing is to be told. */
const isUncountedFailure = (status: ExperimentStatus | undefined, run: StageRun): boolean => {
  const stage = stageAt(status, run);
  if (stage === undefined) return true;
  const askedToStop = (stage.state === 'Stopping' || stage.state === 'Stopped') && run.attempt === stage.attempts;
  if (outcomeOf(run, askedToStop)?.kind === 'excused') return false;
  return holdsPlace(stage) ? run.attempt >= stage.attempts : run.attempt > stage.attempts;
};

async function adopt(
  { client, collections: { pods } }: StepDependencies,
  experiment: SegmentationExperiment,
  noted: NotedAttempts,
): Promise<void> {
  const ours = ownPods(pods.indexed(experiment.metadata.uid ?? ''), [], experiment, noted);
  for (const pod of await adoptOrphans(client, ours, experiment)) pods.absorb(pod);
}

/** `image`: of an experiment that has begun, whatever the operator itself runs by now. */
function substrateOf(
  dependencies: StepDependencies,
  experiment: SegmentationExperiment,
  noted: NotedAttempts,
  image = dependencies.settings.stages.image,
): KubernetesSubstrate {
  const { client, collections, missingPod } = dependencies;
  const { jobs, pods } = collections;
  const settings = { ...dependencies.settings.stages, image };
  return createKubernetesSubstrate({ client, jobs, pods, experiment, settings, noted, missingPod });
}

async function writeStatus(
  { client, collections }: StepDependencies,
  kept: KeptExperiment,
  status: ExperimentStatus,
): Promise<KeptExperiment> {
  const written = await applyStatus(client, kept.metadata, status);
  collections.experiments.absorb(written);
  return { ...kept, metadata: written.metadata };
}

function regarding({ metadata: { name, namespace = 'default', uid, resourceVersion } }: KeptExperiment) {
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    namespace,
    name,
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

function soonest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
