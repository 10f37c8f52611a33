/**
 * What the operator knows about the cluster: three collections that watches keep up to date. Each change makes an experiment due for a
 * step.
 */
import { withoutUndefined } from '@carpal/configs/json.ts';
import { EXPERIMENTS, LABEL } from '@carpal/configs/names.ts';
import type { KubernetesClient, Query } from '@carpal/kubernetes/api/client.ts';
import type { Job, Pod } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { Log } from '@carpal/kubernetes/runtime/logger.ts';
import { createReflector } from '@carpal/kubernetes/runtime/reflector.ts';
import type { Reflector } from '@carpal/kubernetes/runtime/reflector-types.ts';
import type { Change, Kept } from '@carpal/kubernetes/runtime/store.ts';
import { hasEnded, type KeptJob, type KeptPod, keepJob, keepPod } from '../jobs/kept-objects.ts';
import { controllerUid, experimentUidOf, MANAGED_BY } from '../jobs/ownership.ts';
import type { ActiveExperiments } from './experiment-memory.ts';
import { type ExperimentObject, type KeptExperiment, keepExperiment } from './experiment-object.ts';
import { type Urgency, urgencyOfJob, urgencyOfPod } from './reconcile-delay.ts';

export type Collections = {
  readonly experiments: Reflector<ExperimentObject, KeptExperiment>;
  readonly jobs: Reflector<Job, KeptJob>;
  readonly pods: Reflector<Pod, KeptPod>;
  /** The pods without an owner whose labels name this experiment (`namespace/name`, whatever its uid). */
  ownerless(key: string): readonly KeptPod[];
};

export type CollectionOptions = {
  readonly client: KubernetesClient;
  readonly namespace?: string | undefined;
  /** Kept up to date with the experiments, and with Jobs that disappear before they have ended. */
  readonly active: ActiveExperiments;
  /** The experiment `namespace/name` must be reconciled. */
  readonly onDue: (key: string, urgency: Urgency) => void;
  readonly random: () => number;
  readonly resyncMs?: number | undefined;
  readonly inactivityMs?: number | undefined;
  readonly log: Log;
};

/** Selects the Jobs and pods that carpal manages. */
export const OURS: Query = { labelSelector: `${LABEL.managedBy}=${MANAGED_BY}` };

/** The key of the experiment that an object's labels name. */
function experimentOf({ metadata }: Kept): string | undefined {
  const name = metadata.labels?.[LABEL.experiment];
  return name === undefined ? undefined : `${metadata.namespace}/${name}`;
}

/** The collections. They are empty until their reflectors run. */
export function createCollections(options: CollectionOptions): Collections {
  const { client, namespace, active, onDue, random, resyncMs, inactivityMs, log } = options;
  const place = namespace === undefined ? {} : { namespace };
  const shared = { client, random, log, ...withoutUndefined({ resyncMs, inactivityMs }) };
  const experiments = createReflector<ExperimentObject, KeptExperiment>({
    ...shared,
    path: resourcePath(EXPERIMENTS, place),
    keep: keepExperiment,
    onChange: ({ type, key, object: { metadata, ended }, source }) => {
      if (type !== 'deleted' && ended === undefined && metadata.deletionTimestamp === undefined) active.add(key, metadata.uid);
      else active.drop(key);
      // A status write by the operator itself requires no step.
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
      const { type, object } = change;
      const key = experimentOf(object);
      if (key === undefined) return;
      const memory = active.get(key);
      const isGone = type === 'deleted' && !hasEnded(object);
      if (isGone && memory !== undefined && memory.uid === controllerUid(object.metadata)) memory.goneJobs.add(object.metadata.name);
      const siblings = (): readonly KeptJob[] => jobs.indexed(experimentUidOf(object) ?? '');
      onDue(key, urgencyOfJob(change, experiments.get(key), siblings));
    },
  });
  const ownerless = new Map<string, Map<string, KeptPod>>();
  /** Keeps `ownerless` up to date. There is almost never such a pod. */
  const noteOwner = ({ type, key: podKey, object }: Change<KeptPod>, key: string): void => {
    if (type !== 'deleted' && object.metadata.ownerReferences === undefined) {
      ownerless.set(key, (ownerless.get(key) ?? new Map<string, KeptPod>()).set(podKey, object));
      return;
    }
    const known = ownerless.get(key);
    if (known?.delete(podKey) === true && known.size === 0) ownerless.delete(key);
  };
  const pods = createReflector<Pod, KeptPod>({
    ...shared,
    path: resourcePath(PODS, place),
    query: OURS,
    keep: keepPod,
    indexBy: experimentUidOf,
    onChange: (change) => {
      const key = experimentOf(change.object);
      if (key === undefined) return;
      noteOwner(change, key);
      onDue(key, urgencyOfPod(change));
    },
  });
  return { experiments, jobs, pods, ownerless: (key) => [...(ownerless.get(key)?.values() ?? [])] };
}
