/** Attempts as Jobs. Looks come from what the reflectors hold; only starts, stops and removals ask the API server. */
import { CarpalError } from '@carpal/configs/errors.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { isStatus } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { Job, KubernetesObject, ObjectList, ObjectMeta, Pod } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, JOBS, PODS, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { PlannedStart } from '../experiment/next-starts.ts';
import type { StageRun } from '../experiment/observed.ts';
import { StartRefused } from '../experiment/start-refused.ts';
import type { Substrate } from '../experiment/substrate.ts';
import { configMapManifest } from './config-map.ts';
import { jobManifest } from './job-manifest.ts';
import { type KeptJob, keepJob, trueCondition } from './kept-job.ts';
import { isOver, type KeptPod, keepPod } from './kept-pod.ts';
import type { MissingPodWords } from './missing-pod.ts';
import { type NotedAttempts, ownJobs, ownPods } from './own-objects.ts';
import { controllerUid, uidOf } from './owner.ts';
import { refusalOf } from './refusal.ts';
import { labelledAttempt, stageSelector } from './stage-labels.ts';
import { stageRunOf, stageRunOfPods } from './stage-run.ts';
import type { StageSettings } from './stage-settings.ts';

/** The part of a reflector that is used here; looked up by the label of the experiment's uid. */
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
  /** What the status tells of has begun; pods whose Job is gone count only then. */
  readonly noted: NotedAttempts;
  /** Asked of Jobs that wait without a pod; see missing-pod.ts. Absent where a hint to look at the Job is enough. */
  readonly missingPod?: MissingPodWords;
};

const LONGEST_WORDS = 500;
const STOP_TRIES = 3;

type Propagation = 'Foreground' | 'Background';

export type KubernetesSubstrate = Substrate & {
  /** The attempt as the API server has it, past what the reflectors hold: its Job, or what pods it has left; undefined without either. */
  ask(attempt: PlannedStart): Promise<StageRun | undefined>;
};

/** The substrate of one experiment. It keeps nothing that another could not find out again; make one for each look, or keep it. */
export function createKubernetesSubstrate(options: KubernetesSubstrateOptions): KubernetesSubstrate {
  const { client, jobs, pods, experiment, settings, noted } = options;
  const uid = uidOf(experiment);
  const { namespace } = experiment.metadata;
  let spec: Promise<unknown> | undefined;

  const knownJobs = (): readonly KeptJob[] => ownJobs(jobs.indexed(uid), experiment);
  const jobNamed = (name: string): KeptJob | undefined => knownJobs().find(({ metadata }) => metadata.name === name);

  /** The experiment's pods by the uid of the Job that manages them, or by their own, where nothing does. */
  const podsByJob = (ours: readonly KeptJob[]): Map<string, KeptPod[]> =>
    Map.groupBy(
      ownPods(pods.indexed(uid), ours, experiment, noted),
      ({ metadata }) => controllerUid(metadata) ?? metadata.uid ?? metadata.name,
    );

  /** Creates the object, or finds that it is there and this experiment's. */
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
    const whose = owner === undefined ? 'nobody manages' : `the owner with uid ${owner} manages`;
    throw new CarpalError('object-name-held', `the ${manifest.kind} is there already, and ${whose} it`, { where: `${namespace}/${name}` });
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

  /** Once at the beginning, and again whenever a stage had to be tried again, in case somebody removed it. */
  const provideSpec = async ({ stage, attempt }: PlannedStart): Promise<void> => {
    if (stage !== 'prepare' && attempt === 1) return;
    // Attempts that start together ask together.
    spec ??= create(CONFIG_MAPS, configMapManifest(experiment)).catch((error: unknown) => {
      spec = undefined;
      throw error;
    });
    await spec;
  };

  /** The Job as the API server has it; undefined where there is none of this experiment. */
  const newest = async (name: string): Promise<Job | undefined> => {
    try {
      const job = await client.request<Job>({ method: 'GET', path: resourcePath(JOBS, { namespace, name }) });
      return controllerUid(job.metadata) === uid ? job : undefined;
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  };

  /** The pods of all attempts of the stage up to this one as the API server has them, taken up by the store. */
  const newestPods = async (attempt: PlannedStart): Promise<readonly KeptPod[]> => {
    const query = { labelSelector: stageSelector(experiment, attempt) };
    const { items } = await client.request<ObjectList<Pod>>({ method: 'GET', path: resourcePath(PODS, { namespace }), query });
    for (const pod of items) pods.absorb(pod);
    return ownPods(items.map(keepPod), knownJobs(), experiment, () => attempt.attempt);
  };

  /**
   * Whether a pod of the stage may still write into its checkpoint, which no look has shown: of a Job that somebody deleted with
   * --cascade=orphan as soon as it was there, for one. Of a first attempt that was never planned before there can be none.
   */
  const stillRuns = async (attempt: PlannedStart): Promise<boolean> =>
    (attempt.attempt > 1 || attempt.again === true) &&
    (await newestPods(attempt)).some((pod) => !isOver(pod) && pod.status?.phase !== 'Unknown');

  const mayBeEnded = (job: KeptJob): boolean =>
    trueCondition(job, 'Complete') === undefined &&
    trueCondition(job, 'Failed') === undefined &&
    job.metadata.deletionTimestamp === undefined;

  /** The same Job as the API server has it, taken up by the store; undefined, and forgotten, where it is gone. */
  const renewed = async (seen: KeptJob): Promise<KeptJob | undefined> => {
    const found = await newest(seen.metadata.name);
    if (found === undefined || found.metadata.uid !== seen.metadata.uid) {
      jobs.forget(seen);
      return undefined;
    }
    jobs.absorb(found);
    return keepJob(found);
  };

  /** Deletes a Job unless it has ended: by its version, since what has happened to it meanwhile may be its end. */
  const end = async (job: KeptJob | undefined, tries = STOP_TRIES): Promise<void> => {
    if (job === undefined || !mayBeEnded(job)) return;
    try {
      // In the foreground the Job stays until its pods have ended: while it is there its attempt holds its place.
      const deleted = await deleteAsSeen(JOBS, job.metadata, 'Foreground');
      if (deleted.kind === 'Job') jobs.absorb(deleted);
    } catch (error) {
      if (!isStatus(error, 404) && (!isStatus(error, 409) || tries === 1)) throw error;
      await end(await renewed(job), tries - 1);
    }
  };

  /** Deletes an object that is still the one that was seen; one that is gone or another's is no error. */
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

  /** Pods of an attempt whose Job was deleted with --cascade=orphan: nobody else will ever end them. */
  const removeOrphans = async (name: string): Promise<void> => {
    for (const pod of ownPods(pods.indexed(uid), [], experiment, noted)) {
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
          const words = run?.state === 'pending' && mine.length === 0 ? await options.missingPod?.(job) : undefined;
          return run === undefined || words === undefined ? run : { ...run, message: words.slice(0, LONGEST_WORDS) };
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
      // The answer is a whole Job, with the status that the manifest lacks.
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
