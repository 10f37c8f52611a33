/** What the operator sees of the cluster: three collections kept up to date, each change of which makes an experiment due. */
import { LABEL } from '@carpal/configs/names.ts';
import type { KubernetesClient, Query } from '@carpal/kubernetes/api/client.ts';
import type { Job, Pod } from '@carpal/kubernetes/api/objects.ts';
import { EXPERIMENTS, JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import { createReflector, type Kept, type Reflector } from '@carpal/kubernetes/runtime/reflector.ts';
import { type KeptJob, keepJob } from '../jobs/kept-job.ts';
import { known } from '../jobs/kept-metadata.ts';
import { type KeptPod, keepPod } from '../jobs/kept-pod.ts';
import { controllerUid } from '../jobs/owner.ts';
import { experimentUidOf, MANAGED_BY } from '../jobs/stage-labels.ts';
import { type ExperimentObject, type KeptExperiment, keepExperiment } from './experiment-object.ts';
import { createGoneJobs, type GoneJobs } from './gone-jobs.ts';
import { type Urgency, urgencyOfJob, urgencyOfPod } from './urgency.ts';

export type Collections = {
  readonly experiments: Reflector<ExperimentObject, KeptExperiment>;
  readonly jobs: Reflector<Job, KeptJob>;
  readonly pods: Reflector<Pod, KeptPod>;
  /** Jobs of experiments that go on. */
  readonly gone: GoneJobs;
  /** Experiments that have not come to their end. */
  unfinished(): number;
};

export type CollectionOptions = {
  readonly client: KubernetesClient;
  readonly namespace?: string | undefined;
  /** The experiment `namespace/name` is to be looked at: now, soon, or when there is time. */
  readonly onDue: (key: string, urgency: Urgency) => void;
  readonly random: () => number;
  readonly resyncMs?: number | undefined;
  readonly inactivityMs?: number | undefined;
  readonly log: Log;
};

/** Jobs and pods of carpal alone; the server leaves out the rest. */
export const OURS: Query = { labelSelector: `${LABEL.managedBy}=${MANAGED_BY}` };

function experimentOf({ metadata }: Kept): string | undefined {
  const name = metadata.labels?.[LABEL.experiment];
  return name === undefined ? undefined : `${metadata.namespace}/${name}`;
}

/** The collections, not yet running. */
export function createCollections({ client, namespace, onDue, random, resyncMs, inactivityMs, log }: CollectionOptions): Collections {
  const place = namespace === undefined ? {} : { namespace };
  const shared = { client, random, log, ...known({ resyncMs, inactivityMs }) };
  const unfinished = new Set<string>();
  const gone = createGoneJobs();
  const experiments = createReflector<ExperimentObject, KeptExperiment>({
    ...shared,
    path: resourcePath(EXPERIMENTS, place),
    keep: keepExperiment,
    // An own status write is no news.
    onChange: ({ type, key, object, source }) => {
      const goesOn = type !== 'deleted' && object.ended === undefined;
      if (goesOn) unfinished.add(key);
      else unfinished.delete(key);
      if (!goesOn) gone.forget(object.metadata.uid ?? '');
      if (source !== 'own') onDue(key, 'now');
    },
  });
  const jobs: Reflector<Job, KeptJob> = createReflector<Job, KeptJob>({
    ...shared,
    path: resourcePath(JOBS, place),
    query: OURS,
    keep: keepJob,
    indexBy: experimentUidOf,
    onChange: (change) => {
      const key = experimentOf(change.object);
      const experiment = key === undefined ? undefined : experiments.get(key);
      // Of an earlier experiment of that name it would be remembered for ever.
      const isOurs = experiment?.object !== undefined && experiment.metadata.uid === controllerUid(change.object.metadata);
      if (change.type === 'deleted' && isOurs) gone.note(change.object);
      const siblings = (): readonly KeptJob[] => jobs.indexed(experimentUidOf(change.object) ?? '');
      if (key !== undefined) onDue(key, urgencyOfJob(change, experiment, siblings));
    },
  });
  const pods = createReflector<Pod, KeptPod>({
    ...shared,
    path: resourcePath(PODS, place),
    query: OURS,
    keep: keepPod,
    indexBy: experimentUidOf,
    onChange: (change) => {
      const key = experimentOf(change.object);
      if (key !== undefined) onDue(key, urgencyOfPod(change));
    },
  });
  return { experiments, jobs, pods, gone, unfinished: () => unfinished.size };
}
