/** Shows what an operator would do in a cluster now, without doing it. */

import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { checkCustomResource } from '@carpal/configs/check/check-custom-resource.ts';
import { classListNames } from '@carpal/configs/classes.ts';
import { formatPath } from '@carpal/configs/finding.ts';
import { EXPERIMENTS } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { isTerminal } from '@carpal/configs/schema/status.ts';
import type { KubernetesClient, Query } from '@carpal/kubernetes/api/client.ts';
import type { Job, KubernetesObject, Pod } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, PODS, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { listAll } from '@carpal/kubernetes/runtime/list-all.ts';
import { plan } from '../experiment/plan.ts';
import { reopens } from '../experiment/reopen.ts';
import { hasBegun } from '../experiment/stages.ts';
import { keepJob, keepPod } from '../jobs/kept-objects.ts';
import { createKubernetesSubstrate, type KubernetesSubstrate } from '../jobs/kubernetes-substrate.ts';
import { EVERY_ATTEMPT, type StartedAttempts, startedAttempts } from '../jobs/own-objects.ts';
import { experimentUidOf } from '../jobs/ownership.ts';
import { cleanUpPlan } from './clean-up.ts';
import { OURS } from './collections.ts';
import { type ExperimentObject, endedExperiment, identityOf, keepExperiment, statusOfObject } from './experiment-object.ts';
import type { OperatorSettings } from './operator-settings.ts';
import { ProgressMemory } from './progress-memory.ts';
import { createProgressReader } from './progress-reader.ts';
import { runnable } from './validation-cache.ts';

export type DryRunOptions = {
  readonly connection: KubernetesClient;
  readonly settings: OperatorSettings;
  readonly store: ArtifactStore;
  readonly now: () => Date;
  readonly signal: AbortSignal;
};

/** An experiment of the cluster and what its next step would do. */
export type PlannedExperiment = {
  readonly namespace: string;
  readonly name: string;
  readonly state: string;
  readonly start: readonly string[];
  readonly stop: readonly string[];
  readonly remove: readonly string[];
  readonly removeArtifacts?: string;
  /** What the operator does not understand of the manifest. Nothing is started then. */
  readonly mistakes?: readonly string[];
};

type Planned = Omit<PlannedExperiment, 'namespace' | 'name'>;

/** The next step of every experiment. It only reads: lists of experiments, Jobs and pods, and the stages' progress reports. */
export async function planCluster({ connection, settings, store, now, signal }: DryRunOptions): Promise<readonly PlannedExperiment[]> {
  const place = settings.watchNamespace === undefined ? {} : { namespace: settings.watchNamespace };
  const list = async <Item extends KubernetesObject>(resource: Resource, query?: Query): Promise<Item[]> => {
    const items: Item[] = [];
    const onStart = (): void => void items.splice(0);
    const onItem = (item: Item): void => void items.push(item);
    await listAll<Item>({ client: connection, path: resourcePath(resource, place), query, pageSize: 500, signal, onStart, onItem });
    return items;
  };
  const experiments = await list<ExperimentObject>(EXPERIMENTS);
  const jobs = Map.groupBy((await list<Job>(JOBS, OURS)).map(keepJob), experimentUidOf);
  const pods = Map.groupBy((await list<Pod>(PODS, OURS)).map(keepPod), experimentUidOf);
  const progress = createProgressReader({ store, now, runningFolds: () => 0 });
  const substrateOf = (experiment: SegmentationExperiment, started: StartedAttempts): KubernetesSubstrate =>
    createKubernetesSubstrate({
      client: connection,
      jobs: { indexed: (uid) => jobs.get(uid) ?? [], absorb: () => undefined, forget: () => undefined },
      pods: { indexed: (uid) => pods.get(uid) ?? [], absorb: () => undefined },
      experiment,
      settings: settings.stages,
      started,
      now,
    });
  const planOne = async (object: ExperimentObject): Promise<Planned> => {
    const kept = keepExperiment(object);
    const status = statusOfObject(object);
    const found = runnable(checkCustomResource(object, classListNames()), object, hasBegun(status));
    const staysEnded = kept.ended !== undefined || ('experiment' in found && status !== undefined && !reopens(found.experiment, status));
    if (status !== undefined && isTerminal(status) && staysEnded) {
      const runs = await substrateOf(identityOf(kept), EVERY_ATTEMPT).observe();
      const { nextMs: _nextMs, abandon: _abandon, ...acts } = cleanUpPlan(runs, endedExperiment(object, status), now());
      return { state: status.state, start: [], ...acts };
    }
    if ('findings' in found) {
      const mistakes = found.findings.map(({ path, message, fix }) => `${formatPath(path)} ${message}: ${fix}`);
      return { state: status?.state ?? 'Pending', start: [], stop: [], remove: [], mistakes };
    }
    const { experiment } = found;
    const runs = await substrateOf(experiment, startedAttempts(status)).observe();
    const observed = {
      runs,
      held: [],
      progress: await progress.read(experiment, new ProgressMemory(), status, runs),
      artifacts: store.uri,
    };
    const step = plan(experiment, status === undefined ? observed : { ...observed, status }, now(), settings.retry);
    return { state: step.status.state, start: step.start.map((attempt) => attempt.name), stop: step.stop, remove: step.remove };
  };
  const planned: PlannedExperiment[] = [];
  for (const object of experiments) {
    const { name, namespace = 'default', deletionTimestamp } = object.metadata;
    if (deletionTimestamp === undefined) planned.push({ namespace, name, ...(await planOne(object)) });
  }
  return planned;
}

/** One line per action, and one per experiment that needs none. */
export function dryRunLines(planned: readonly PlannedExperiment[]): string {
  if (planned.length === 0) return 'there are no experiments\n';
  const lines = planned.flatMap(({ namespace, name, state, start, stop, remove, removeArtifacts, mistakes }) => {
    const title = `${namespace}/${name} (${state})`;
    if (mistakes !== undefined)
      return [`${title}: would be held because its manifest is not understood`, ...mistakes.map((text) => `  ${text}`)];
    const acts = [
      ...stop.map((job) => `  would stop Job ${job}`),
      ...start.map((job) => `  would start Job ${job}`),
      ...remove.map((job) => `  would remove Job ${job}`),
      ...(removeArtifacts === undefined ? [] : [`  would remove ${removeArtifacts}`]),
    ];
    return acts.length === 0 ? [`${title}: nothing to do`] : [title, ...acts];
  });
  return `${lines.join('\n')}\n`;
}
