/** Attempts as Jobs. Observations come from the reflectors' memory; only starts, stops and removals send requests to the API server. */
import { CarpalError } from '@carpal/configs/errors.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { ApiError, isStatus } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { Job, KubernetesObject, ObjectList, ObjectMeta, Pod } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, JOBS, PODS, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { PlannedStart } from '../experiment/next-starts.ts';
import type { StageRun } from '../experiment/observed.ts';
import { StartRefused, type Substrate } from '../experiment/substrate.ts';
import { configMapManifest } from './config-map.ts';
import { jobManifest } from './job-manifest.ts';
import { type KeptJob, type KeptPod, keepJob, keepPod, podHasEnded, trueCondition } from './kept-objects.ts';
import { ownJobs, ownPods, type StartedAttempts } from './own-objects.ts';
import { controllerUid, labelledAttempt, stageSelector, uidOf } from './ownership.ts';
import type { MissingPodReason } from './pending-reason.ts';
import { stageRunOf, stageRunOfPods } from './stage-run.ts';
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
};

const LONGEST_REASON = 500;
const STOP_TRIES = 3;

type Propagation = 'Foreground' | 'Background';

export type KubernetesSubstrate = Substrate & {
  /**
   * Reads the attempt from the API server instead of the reflectors' memory: its Job, or else its remaining pods; undefined without either.
   */
  ask(attempt: PlannedStart): Promise<StageRun | undefined>;
};

/**
 * The server's message if it will never accept this object: a field breaks a rule (422), or a value cannot be parsed (400, such as an
 * unreadable quantity). Undefined for everything that may pass: a quota, a policy, a server in trouble.
 */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof ApiError)) return undefined;
  const isMalformed = error.status === 400 && error.message.includes('cannot be handled as');
  return error.status === 422 || isMalformed ? error.message : undefined;
}

/** The substrate of one experiment. It holds no state that cannot be read again, so it may live for one step or longer. */
export function createKubernetesSubstrate(options: KubernetesSubstrateOptions): KubernetesSubstrate {
  const { client, jobs, pods, experiment, settings, started } = options;
  const uid = uidOf(experiment);
  const { namespace } = experiment.metadata;
  let spec: Promise<unknown> | undefined;

  const knownJobs = (): readonly KeptJob[] => ownJobs(jobs.indexed(uid), experiment);
  const jobNamed = (name: string): KeptJob | undefined => knownJobs().find(({ metadata }) => metadata.name === name);

  /** The experiment's pods by the uid of the Job that manages them, or by their own uid if none does. */
  const podsByJob = (ours: readonly KeptJob[]): Map<string, KeptPod[]> =>
    Map.groupBy(
      ownPods(pods.indexed(uid), ours, experiment, started),
      ({ metadata }) => controllerUid(metadata) ?? metadata.uid ?? metadata.name,
    );

  /** Creates the object, or returns the existing one if the experiment manages it. */
  const create = async <Kind extends KubernetesObject>(resource: Resource, manifest: Kind): Promise<Kind> => {
    const { name } = manifest.metadata;
    try {
      return await client.request<Kind>({ method: 'POST', path: resourcePath(resource, { namespace }), body: manifest });
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal !== undefined) throw new StartRefused(refusal, error);
      if (!isStatus(error, 409)) throw error;
    }
    const found = await client.request<Kind>({ method: 'GET', path: resourcePath(resource, { namespace, name }) });
    const owner = controllerUid(found.metadata);
    if (owner === uid) return found;
    const manager = owner === undefined ? 'nothing manages it' : `the owner with uid ${owner} manages it`;
    throw new CarpalError('object-name-held', `the ${manifest.kind} exists already, and ${manager}`, { where: `${namespace}/${name}` });
  };

  const deleteAsSeen = (
    resource: Resource,
    { name, uid: seen, resourceVersion }: ObjectMeta,
    propagationPolicy: Propagation,
  ): Promise<Job> =>
    client.request<Job>({
      method: 'DELETE',
      path: resourcePath(resource, { namespace, name }),
      body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy, preconditions: { uid: seen, resourceVersion } },
    });

  /** Creates the ConfigMap before the first attempt, and again before each retry in case someone deleted it. */
  const provideSpec = async ({ stage, attempt }: PlannedStart): Promise<void> => {
    if (stage !== 'prepare' && attempt === 1) return;
    // Attempts that start together share one request.
    spec ??= create(CONFIG_MAPS, configMapManifest(experiment)).catch((error: unknown) => {
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
   * --cascade=orphan right after its creation. A first attempt that is planned for the first time has no pods.
   */
  const stillRuns = async (attempt: PlannedStart): Promise<boolean> =>
    (attempt.attempt > 1 || attempt.again === true) &&
    (await newestPods(attempt)).some((pod) => !podHasEnded(pod) && pod.status?.phase !== 'Unknown');

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
      const deleted = await deleteAsSeen(JOBS, job.metadata, 'Foreground');
      if (deleted.kind === 'Job') jobs.absorb(deleted);
    } catch (error) {
      if (!isStatus(error, 404) && (!isStatus(error, 409) || tries === 1)) throw error;
      await end(await renewed(job), tries - 1);
    }
  };

  /** Deletes an object if it still is the one that was seen. Does nothing if it is gone or was replaced. */
  const remove = async (resource: Resource, { name, uid: seen }: ObjectMeta, propagationPolicy: Propagation): Promise<Job | undefined> => {
    try {
      return await client.request<Job>({
        method: 'DELETE',
        path: resourcePath(resource, { namespace, name }),
        body: { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy, preconditions: { uid: seen } },
      });
    } catch (error) {
      if (isStatus(error, 404) || isStatus(error, 409)) return undefined;
      throw error;
    }
  };

  /** Removes pods of an attempt whose Job was deleted with --cascade=orphan: nothing else ever ends them. */
  const removeOrphans = async (name: string): Promise<void> => {
    for (const pod of ownPods(pods.indexed(uid), [], experiment, started)) {
      const isOrphan = controllerUid(pod.metadata) === undefined && pod.metadata.deletionTimestamp === undefined;
      if (isOrphan && stageRunOfPods([pod])?.name === name) await remove(PODS, pod.metadata, 'Background');
    }
  };

  return {
    async observe() {
      const ours = knownJobs();
      const podsOf = podsByJob(ours);
      const runs = await Promise.all(
        ours.map(async (job) => {
          const mine = podsOf.get(job.metadata.uid ?? '') ?? [];
          podsOf.delete(job.metadata.uid ?? '');
          const run = stageRunOf(job, mine);
          const reason = run?.state === 'pending' && mine.length === 0 ? await options.missingPod?.(job) : undefined;
          return run === undefined || reason === undefined ? run : { ...run, message: reason.slice(0, LONGEST_REASON) };
        }),
      );
      const names = new Set(runs.map((run) => run?.name));
      const left = [...podsOf.values()].map(stageRunOfPods).filter((run) => !names.has(run?.name));
      return [...runs, ...left].filter((run): run is StageRun => run !== undefined);
    },
    async ask(attempt) {
      const job = await newest(attempt.name);
      if (job === undefined) {
        const left = await newestPods(attempt);
        return stageRunOfPods(left.filter(({ metadata }) => labelledAttempt(metadata)?.attempt === attempt.attempt));
      }
      jobs.absorb(job);
      const found = keepJob(job);
      return stageRunOf(found, podsByJob([found]).get(job.metadata.uid ?? '') ?? []);
    },
    async start(attempt) {
      if (jobNamed(attempt.name) !== undefined || (await stillRuns(attempt))) return;
      await provideSpec(attempt);
      // The response is a complete Job, including the status that the manifest lacks.
      jobs.absorb((await create<KubernetesObject>(JOBS, jobManifest(experiment, attempt, settings))) as Job);
    },
    async stop(name) {
      const job = jobNamed(name);
      if (job === undefined) await removeOrphans(name);
      else await end(job);
    },
    async remove(name) {
      const job = jobNamed(name);
      if (job === undefined) return await removeOrphans(name);
      await remove(JOBS, job.metadata, 'Background');
      jobs.forget(job);
    },
  };
}
