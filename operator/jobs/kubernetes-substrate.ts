/** Attempts as Jobs. Observations come from the reflectors' memory; only starts, stops and removals send requests to the API server. */
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { isStatus } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { Job, KubernetesObject, ObjectList, ObjectMeta, Pod } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { PlannedStart } from '../experiment/next-starts.ts';
import type { StageRun } from '../experiment/observed.ts';
import type { Substrate } from '../experiment/substrate.ts';
import { configMapManifest, specHash } from './config-map.ts';
import { jobManifest } from './job-manifest.ts';
import { type KeptJob, type KeptPod, keepJob, keepPod, podHasEnded, trueCondition } from './kept-objects.ts';
import { ownJobs, ownPods, type StartedAttempts } from './own-objects.ts';
import { createOwned, deleteSeen, removeSeen } from './own-requests.ts';
import { controllerUid, labelledAttempt, PLACEMENT_LABEL, SPEC_LABEL, stageSelector, uidOf } from './ownership.ts';
import type { MissingPodReason } from './pending-reason.ts';
import { placementHash, placementOf } from './placement.ts';
import type { AskQueue } from './queue-reason.ts';
import { isOverdue, stageRunOf, stageRunOfPods, waitingFor, withQueueReason } from './stage-run.ts';
import type { StageSettings } from './stage-settings.ts';

/** The part of a reflector that is used here. It is indexed by the label with the experiment's uid. */
export type JobStore = {
  indexed(experimentUid: string): readonly KeptJob[];
  absorb(job: Job): void;
  forget(job: { readonly metadata: ObjectMeta }): void;
};
export type PodStore = {
  indexed(experimentUid: string): readonly KeptPod[];
  absorb(pod: Pod): void;
};

export type KubernetesSubstrateOptions = {
  readonly client: KubernetesClient;
  readonly jobs: JobStore;
  readonly pods: PodStore;
  readonly experiment: SegmentationExperiment;
  readonly settings: StageSettings;
  /** Pods whose Job is gone count only if their attempt has started. */
  readonly started: StartedAttempts;
  /** Why a Job has no pod. If absent, the message only names the command that shows it. */
  readonly missingPod?: MissingPodReason;
  /** Why a queue holds a Job back. If absent, the message only names the queue. */
  readonly askQueue?: AskQueue;
  readonly now: () => Date;
};

const STOP_TRIES = 3;

export type KubernetesSubstrate = Substrate & {
  /**
   * Reads the attempt from the API server instead of the reflectors' memory: its Job, or else its remaining pods; undefined without either.
   */
  ask(attempt: PlannedStart): Promise<StageRun | undefined>;
};

/** The substrate of one experiment. It holds no state that cannot be read again, so it may live for one step or longer. */
export function createKubernetesSubstrate(options: KubernetesSubstrateOptions): KubernetesSubstrate {
  const { client, jobs, pods, experiment, settings, started, now } = options;
  const uid = uidOf(experiment);
  const { namespace } = experiment.metadata;
  const own = { client, namespace, uid };
  let spec: Promise<unknown> | undefined;

  const knownJobs = (): readonly KeptJob[] => ownJobs(jobs.indexed(uid), experiment);
  const jobNamed = (name: string): KeptJob | undefined => knownJobs().find(({ metadata }) => metadata.name === name);

  /** The experiment's pods by the uid of the Job that manages them, or by their own uid if none does. */
  const podsByJob = (ours: readonly KeptJob[]): Map<string, KeptPod[]> =>
    Map.groupBy(
      ownPods(pods.indexed(uid), ours, experiment, started),
      ({ metadata }) => controllerUid(metadata) ?? metadata.uid ?? metadata.name,
    );

  /**
   * Creates the ConfigMap that the attempt reads. Usually an earlier attempt has the same one; before a retry it is created again in case
   * someone deleted it.
   */
  const provideSpec = async ({ attempt, again }: PlannedStart): Promise<void> => {
    const hash = specHash(experiment);
    const isProvided = knownJobs().some(({ metadata }) => metadata.labels?.[SPEC_LABEL] === hash);
    if (isProvided && attempt === 1 && again !== true) return;
    // Attempts that start together share one request.
    spec ??= createOwned(own, CONFIG_MAPS, configMapManifest(experiment)).catch((error: unknown) => {
      spec = undefined;
      throw error;
    });
    await spec;
  };

  /** The Job from the API server; undefined if the experiment has none of that name. */
  const newest = async (name: string): Promise<Job | undefined> => {
    try {
      const job = await client.request<Job>({ method: 'GET', path: resourcePath(JOBS, { namespace, name }) });
      return controllerUid(job.metadata) === uid ? job : undefined;
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  };

  /** The pods of the stage's attempts up to this one, from the API server. The store absorbs them. */
  const newestPods = async (attempt: PlannedStart): Promise<readonly KeptPod[]> => {
    const query = { labelSelector: stageSelector(experiment, attempt) };
    const { items } = await client.request<ObjectList<Pod>>({ method: 'GET', path: resourcePath(PODS, { namespace }), query });
    for (const pod of items) pods.absorb(pod);
    return ownPods(items.map(keepPod), knownJobs(), experiment, () => attempt.attempt);
  };

  /**
   * Whether an unseen pod of the stage may still write to its checkpoint. An example is the pod of a Job that was deleted with
   * --cascade=orphan right after its creation. A first attempt that is planned for the first time has no pods. A pod that counts as lost
   * does not hold its successor back.
   */
  const stillRuns = async (attempt: PlannedStart): Promise<boolean> =>
    (attempt.attempt > 1 || attempt.again === true) &&
    (await newestPods(attempt)).some((pod) => !podHasEnded(pod) && pod.status?.phase !== 'Unknown' && !isOverdue(pod, now()));

  const mayBeEnded = (job: KeptJob): boolean =>
    trueCondition(job, 'Complete') === undefined &&
    trueCondition(job, 'Failed') === undefined &&
    job.metadata.deletionTimestamp === undefined;

  /** The same Job from the API server; the store absorbs it. Undefined if it is gone; the store then forgets it. */
  const renewed = async (seen: KeptJob): Promise<KeptJob | undefined> => {
    const found = await newest(seen.metadata.name);
    if (found === undefined || found.metadata.uid !== seen.metadata.uid) {
      jobs.forget(seen);
      return undefined;
    }
    jobs.absorb(found);
    return keepJob(found);
  };

  /** Deletes a Job unless it has ended. The precondition on its version fails if it has changed meanwhile, perhaps because it ended. */
  const end = async (job: KeptJob | undefined, tries = STOP_TRIES): Promise<void> => {
    if (job === undefined || !mayBeEnded(job)) return;
    try {
      // A foreground deletion keeps the Job until its pods have ended: until then its attempt occupies the stage.
      const deleted = await deleteSeen(own, JOBS, job.metadata, { propagationPolicy: 'Foreground', unchanged: true });
      if (deleted !== undefined) jobs.absorb(deleted);
    } catch (error) {
      if (!isStatus(error, 404) && (!isStatus(error, 409) || tries === 1)) throw error;
      await end(await renewed(job), tries - 1);
    }
  };

  /** Removes pods of an attempt whose Job was deleted with --cascade=orphan: nothing else ever ends them. */
  const removeOrphans = async (name: string): Promise<void> => {
    for (const pod of ownPods(pods.indexed(uid), [], experiment, started)) {
      const isOrphan = controllerUid(pod.metadata) === undefined && pod.metadata.deletionTimestamp === undefined;
      if (isOrphan && stageRunOfPods([pod], now())?.name === name) await removeSeen(own, PODS, pod.metadata);
    }
  };

  /** Whether an attempt that has not begun would be placed differently now. An experiment that has ended is known by its identity alone. */
  const isOutdated = ({ state, stage }: StageRun, { metadata }: KeptJob): boolean => {
    const placed = metadata.labels?.[PLACEMENT_LABEL];
    if (placed === undefined || (state !== 'pending' && state !== 'queued') || !('spec' in experiment)) return false;
    return placed !== placementHash(placementOf(experiment, stage, settings));
  };

  /** Adds what only a request can find out: why the Job has no pod, and why its queue holds it back. */
  const explained = async (run: StageRun, job: KeptJob, mine: readonly KeptPod[]): Promise<StageRun> => {
    if (run.state === 'queued') {
      const reason = await options.askQueue?.(job);
      return reason === undefined ? run : withQueueReason(run, reason);
    }
    const reason = run.state === 'pending' && mine.length === 0 ? await options.missingPod?.(job) : undefined;
    return reason === undefined ? run : { ...run, ...waitingFor(reason) };
  };

  return {
    async observe() {
      const ours = knownJobs();
      const podsOf = podsByJob(ours);
      const runs = await Promise.all(
        ours.map(async (job) => {
          const mine = podsOf.get(job.metadata.uid ?? '') ?? [];
          podsOf.delete(job.metadata.uid ?? '');
          const run = stageRunOf(job, mine, now());
          if (run === undefined) return undefined;
          return await explained(isOutdated(run, job) ? { ...run, outdated: true } : run, job, mine);
        }),
      );
      const names = new Set(runs.map((run) => run?.name));
      const left = [...podsOf.values()].map((some) => stageRunOfPods(some, now())).filter((run) => !names.has(run?.name));
      return [...runs, ...left].filter((run): run is StageRun => run !== undefined);
    },
    async ask(attempt) {
      const job = await newest(attempt.name);
      if (job === undefined) {
        const left = await newestPods(attempt);
        return stageRunOfPods(
          left.filter(({ metadata }) => labelledAttempt(metadata)?.attempt === attempt.attempt),
          now(),
        );
      }
      jobs.absorb(job);
      const found = keepJob(job);
      return stageRunOf(found, podsByJob([found]).get(job.metadata.uid ?? '') ?? [], now());
    },
    async start(attempt) {
      if (jobNamed(attempt.name) !== undefined || (await stillRuns(attempt))) return;
      await provideSpec(attempt);
      // The response is a complete Job, including the status that the manifest lacks.
      jobs.absorb((await createOwned<KubernetesObject>(own, JOBS, jobManifest(experiment, attempt, settings))) as Job);
    },
    async stop(name) {
      const job = jobNamed(name);
      if (job === undefined) await removeOrphans(name);
      else await end(job);
    },
    async abandon(name) {
      const job = jobNamed(name);
      const lost = ownPods(pods.indexed(uid), job === undefined ? [] : [job], experiment, started).filter((pod) => isOverdue(pod, now()));
      const itsOwn = lost.filter((pod) => stageRunOfPods([pod], now())?.name === name);
      if (itsOwn.length === 0) return;
      // The Job first: its controller would start another pod. It also releases the pod, of which it keeps account.
      if (job !== undefined) {
        await removeSeen(own, JOBS, job.metadata);
        jobs.forget(job);
      }
      for (const { metadata } of itsOwn) await removeSeen(own, PODS, metadata, 0);
    },
    async remove(name) {
      const job = jobNamed(name);
      if (job === undefined) return await removeOrphans(name);
      await removeSeen(own, JOBS, job.metadata);
      jobs.forget(job);
    },
  };
}
