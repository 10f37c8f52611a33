/** A fault world with a real Kueue in it. The nodes have room for everything, so that only queues hold Jobs back. */
import { LABEL } from '@carpal/configs/names.ts';
import type { KubernetesObject, ObjectCondition, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { EVENTS, JOBS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { afterAll, beforeAll } from 'vitest';
import { type Kueue, startKueue } from '../cluster/kueue.ts';
import { CLUSTER_QUEUES, createPriority, createQueue, WORKLOADS } from '../cluster/kueue-queues.ts';
import type { PodScript } from '../cluster/scripted-pod.ts';
import { FAULT_NODES } from './fault-nodes.ts';
import { type ContainerRun, type FaultWorld, type Spec, useFaultWorld } from './fault-world.ts';

export type Workload = KubernetesObject & {
  readonly spec: { readonly queueName?: string; readonly priority?: number; readonly active?: boolean };
  readonly status?: { readonly conditions?: readonly ObjectCondition[] };
};

export type KueueWorld = FaultWorld & {
  /** Makes a queue of its own for a test. Default: one GPU. */
  addQueue(name: string, gpus?: number): Promise<void>;
  /** Ends Kueue, and starts it again after `meanwhile`. */
  withoutKueue(meanwhile: () => Promise<void>): Promise<void>;
  /** `Hold`: admits nothing more. `HoldAndDrain`: also evicts what runs. */
  stopQueue(name: string, policy: 'None' | 'Hold' | 'HoldAndDrain'): Promise<void>;
  /** Creates a Job of someone else, with the priority `urgent` and one GPU, whose pod follows the script. It preempts folds. */
  addUrgentJob(name: string, queueName: string, script: PodScript): Promise<void>;
  /** The Workloads of the experiment's Jobs. */
  workloads(experiment: string): Promise<readonly Workload[]>;
  /** Deactivates the Workloads of the Jobs that have not ended, or activates them again, as an administrator does. */
  setActive(experiment: string, active: boolean): Promise<void>;
  /** The experiment's events with this reason. */
  notes(experiment: string, reason: string): Promise<readonly string[]>;
  /** The containers of the experiment's folds, in the order of their start. */
  foldRuns(experiment: string): readonly ContainerRun[];
};

/** For the top of a test file. */
export function useKueueWorld(): () => KueueWorld {
  const base = useFaultWorld({ nodes: FAULT_NODES.slice(0, 1) });
  let kueue: Kueue | undefined;
  beforeAll(async () => {
    kueue = await startKueue(base());
    await createPriority(base().client, 'normal', 100);
    await createPriority(base().client, 'urgent', 1000);
  });
  afterAll(() => kueue?.stop());

  const workloads = async (experiment: string): Promise<readonly Workload[]> => {
    const { client, namespace, jobs } = base();
    const { items } = await client.request<ObjectList<Workload>>({ method: 'GET', path: resourcePath(WORKLOADS, { namespace }) });
    const uids = jobs
      .list()
      .filter(({ metadata }) => metadata.labels?.[LABEL.experiment] === experiment)
      .map(({ metadata }) => metadata.uid);
    return items.filter(({ metadata }) => metadata.ownerReferences?.some(({ uid }) => uids.includes(uid)));
  };

  return () => {
    const world = base();
    const { client, namespace } = world;
    return {
      ...world,
      addQueue: (name, gpus = 1) => createQueue(client, { name, namespace, gpus }),
      withoutKueue: async (meanwhile) => {
        await kueue?.stop();
        await meanwhile();
        kueue = await startKueue(world);
      },
      stopQueue: async (name, stopPolicy) => {
        await client.request({ method: 'PATCH', path: resourcePath(CLUSTER_QUEUES, { name }), body: { spec: { stopPolicy } } });
      },
      addUrgentJob: async (name, queueName, script) => {
        world.follow(name, () => script);
        const labels = { 'kueue.x-k8s.io/queue-name': queueName, 'kueue.x-k8s.io/priority-class': 'urgent' };
        const resources = { limits: { 'nvidia.com/gpu': '1' } };
        const containers = [{ name: 'main', image: 'none', resources }];
        const template = { metadata: { labels: { [LABEL.experiment]: name } }, spec: { restartPolicy: 'Never', containers } };
        const body = { metadata: { name, labels }, spec: { suspend: true, backoffLimit: 0, template } };
        await client.request({ method: 'POST', path: resourcePath(JOBS, { namespace }), body });
      },
      workloads,
      setActive: async (experiment, active) => {
        const found = (await workloads(experiment)).filter(
          ({ status }) => status?.conditions?.every(({ type }) => type !== 'Finished') ?? true,
        );
        for (const { metadata } of found) {
          const path = resourcePath(WORKLOADS, { namespace, name: metadata.name });
          await client.request({ method: 'PATCH', path, body: { spec: { active } } });
        }
      },
      notes: async (experiment, reason) => {
        const query = { fieldSelector: `regarding.name=${experiment},reason=${reason}` };
        const path = resourcePath(EVENTS, { namespace });
        const { items } = await client.request<ObjectList<KubernetesObject & { readonly note?: string }>>({ method: 'GET', path, query });
        return items.map(({ note }) => note ?? '');
      },
      foldRuns: (experiment) => world.runs.filter((run) => run.experiment === experiment && run.stage === 'fold'),
    };
  };
}

/** An experiment with one fold in this queue. Nothing may be charged to it. */
export function oneFold(queueName: string, { run = {}, placement = {} }: { readonly run?: Spec; readonly placement?: Spec } = {}): Spec {
  return { placement: { queueName, ...placement }, run: { folds: [0], maxFailures: 0, maxDisruptions: 0, ...run } };
}

/** How many seconds a container ran. */
export function secondsOf({ startedMs = 0, endedMs = performance.now() }: ContainerRun): number {
  return (endedMs - startedMs) / 1000;
}
