/** What an operator would do to a cluster now, found out without doing it. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { classListNames } from '@carpal/configs/classes.ts';
import { judgeManifest } from '@carpal/configs/crd/judge-manifest.ts';
import { formatPath } from '@carpal/configs/finding.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { KubernetesClient, Query } from '@carpal/kubernetes/api/client.ts';
import type { Job, KubernetesObject, Pod } from '@carpal/kubernetes/api/objects.ts';
import { EXPERIMENTS, JOBS, PODS, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { listAll } from '@carpal/kubernetes/runtime/list-all.ts';
import { plan } from '../experiment/plan.ts';
import { hasBegun } from '../experiment/stages.ts';
import { keepJob } from '../jobs/kept-job.ts';
import { keepPod } from '../jobs/kept-pod.ts';
import { createKubernetesSubstrate, type KubernetesSubstrate } from '../jobs/kubernetes-substrate.ts';
import { type NotedAttempts, notedAttempts } from '../jobs/own-objects.ts';
import { experimentUidOf } from '../jobs/stage-labels.ts';
import { runnable } from './begun-experiment.ts';
import { cleanUpPlan, EVERY_ATTEMPT } from './clean-up-plan.ts';
import { OURS } from './collections.ts';
import { type ExperimentObject, identityOf, keepExperiment, statusOfObject } from './experiment-object.ts';
import type { OperatorSettings } from './operator-settings.ts';
import { createProgressReader } from './progress/progress-reader.ts';

export type DryRunOptions = {
  readonly connection: KubernetesClient;
  readonly settings: OperatorSettings;
  readonly store: ArtifactStore;
  readonly now: () => Date;
  readonly signal: AbortSignal;
};

/** One experiment of the cluster and what its next step would be. */
export type PlannedExperiment = {
  readonly namespace: string;
  readonly name: string;
  readonly state: string;
  readonly start: readonly string[];
  readonly stop: readonly string[];
  readonly remove: readonly string[];
  readonly removeArtifacts?: string;
  /** Of a manifest that cannot be run. */
  readonly mistakes?: readonly string[];
};

type Planned = Omit<PlannedExperiment, 'namespace' | 'name'>;

/** The next step of every experiment. Reads alone: lists of experiments, Jobs and pods, and the stages' reports. */
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
  const progress = createProgressReader({ store, now });
  const substrateOf = (experiment: SegmentationExperiment, noted: NotedAttempts): KubernetesSubstrate =>
    createKubernetesSubstrate({
      client: connection,
      jobs: { indexed: (uid) => jobs.get(uid) ?? [], absorb: () => undefined, forget: () => undefined },
      pods: { indexed: (uid) => pods.get(uid) ?? [], absorb: () => undefined },
      experiment,
      settings: settings.stages,
      noted,
    });
  const planOne = async (object: ExperimentObject): Promise<Planned> => {
    const kept = keepExperiment(object);
    if (kept.ended !== undefined) {
      const { nextMs: _nextMs, ...acts } = cleanUpPlan(await substrateOf(identityOf(kept), EVERY_ATTEMPT).observe(), kept.ended, now());
      return { state: kept.ended.failed ? 'Failed' : 'Complete', start: [], ...acts };
    }
    const status = statusOfObject(object);
    const found = runnable(judgeManifest(object, classListNames()), object, hasBegun(status));
    if ('findings' in found) {
      const mistakes = found.findings.map(({ path, message, fix }) => `${formatPath(path)} ${message}: ${fix}`);
      return { state: 'Failed', start: [], stop: [], remove: [], mistakes };
    }
    const { experiment } = found;
    const runs = await substrateOf(experiment, notedAttempts(status)).observe();
    const observed = { runs, held: [], progress: await progress.read(experiment, status, runs), artifacts: store.uri };
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

/** One line for each thing that would be done, and one for each experiment of which nothing would. */
export function dryRunLines(planned: readonly PlannedExperiment[]): string {
  if (planned.length === 0) return 'there are no experiments\n';
  const lines = planned.flatMap(({ namespace, name, state, start, stop, remove, removeArtifacts, mistakes }) => {
    const title = `${namespace}/${name} (${state})`;
    if (mistakes !== undefined)
      return [`${title}: would end as Failed, since its manifest breaks a rule`, ...mistakes.map((text) => `  ${text}`)];
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
