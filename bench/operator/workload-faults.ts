/** Faults of pods, Jobs and experiments. */

import { setTimeout as pause } from 'node:timers/promises';
import { EXPERIMENTS } from '@carpal/configs/names.ts';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import { JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { Random } from '@carpal/masks/random.ts';
import { hasEnded } from '@carpal/operator/jobs/kept-objects.ts';
import type { KubeletPod } from '@carpal/testbed/cluster/kubelet-pod.ts';
import type { SoakWorld } from './soak-world.ts';

export type SoakFault = {
  readonly name: string;
  /** How often it is drawn, relative to the others. */
  readonly weight: number;
  /** Faults with the same `needs` do not overlap. */
  readonly needs?: string;
  /** Returns false if there was nothing to apply the fault to. */
  readonly act: (world: SoakWorld, random: Random, deleted: Set<string>) => Promise<boolean>;
};

/** Waits a random time between `least` and `most` seconds. */
export const seconds = (random: Random, least: number, most: number): Promise<void> => pause(random.range(least, most) * 1000);

/** A random item; undefined if there are none. */
export function one<Item>(items: readonly Item[], random: Random): Item | undefined {
  return items[random.integer(Math.max(1, items.length))];
}

const runningPods = ({ nodes, kubelet }: SoakWorld): readonly (readonly [string, KubeletPod])[] =>
  nodes.flatMap((node) =>
    kubelet(node)
      .pods()
      .filter(({ status }) => status?.phase === 'Running')
      .map((pod) => [node, pod] as const),
  );

const evicted =
  (disruptionTarget: boolean) =>
  async (world: SoakWorld, random: Random): Promise<boolean> => {
    const [node, pod] = one(runningPods(world), random) ?? [];
    if (node === undefined || pod === undefined) return false;
    world.kubelet(node).evict(pod.metadata.namespace, pod.metadata.name, { disruptionTarget });
    return true;
  };

/** An active experiment. */
const someExperiment = ({ experiments }: SoakWorld, random: Random): string | undefined =>
  one(
    experiments.list().filter(({ ended }) => ended === undefined),
    random,
  )?.metadata.name;

const change = (world: SoakWorld, name: string, run: object): Promise<unknown> =>
  retried(() =>
    world.client.request({
      method: 'PATCH',
      patch: 'merge',
      path: resourcePath(EXPERIMENTS, { namespace: world.namespace, name }),
      body: { spec: { run } },
    }),
  );

/** Retries while the API server is down. An object that is gone is not an error. */
export async function retried(ask: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await ask();
      return;
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status > 0 && error.status < 409)) return;
      await pause(500);
    }
  }
}

const jobDeleted =
  (propagationPolicy: 'Foreground' | 'Background' | 'Orphan') =>
  async (world: SoakWorld, random: Random): Promise<boolean> => {
    const job = one(
      world.jobs.list().filter((some) => !hasEnded(some)),
      random,
    );
    if (job === undefined) return false;
    const { name, namespace = '' } = job.metadata;
    await retried(() =>
      world.client.request({ method: 'DELETE', path: resourcePath(JOBS, { namespace, name }), body: { propagationPolicy } }),
    );
    return true;
  };

export const POD_FAULTS: readonly SoakFault[] = [
  { name: 'pod evicted because its node ran out of memory', weight: 6, act: evicted(true) },
  { name: 'pod evicted for its own disk use', weight: 3, act: evicted(false) },
  {
    name: 'pod deleted',
    weight: 6,
    act: async (world, random) => {
      const [, pod] = one(runningPods(world), random) ?? [];
      if (pod === undefined) return false;
      const { name, namespace } = pod.metadata;
      await retried(() => world.client.request({ method: 'DELETE', path: resourcePath(PODS, { namespace, name }) }));
      return true;
    },
  },
  { name: 'Job deleted in the background', weight: 3, act: jobDeleted('Background') },
  { name: 'Job deleted in the foreground', weight: 3, act: jobDeleted('Foreground') },
  { name: 'Job deleted, its pod orphaned', weight: 2, act: jobDeleted('Orphan') },
];

export const EXPERIMENT_FAULTS: readonly SoakFault[] = [
  {
    name: 'experiment suspended and resumed',
    weight: 5,
    act: async (world, random) => {
      const name = someExperiment(world, random);
      if (name === undefined) return false;
      await change(world, name, { suspend: true });
      await seconds(random, 1, 8);
      await change(world, name, { suspend: false });
      return true;
    },
  },
  {
    name: 'parallelism changed',
    weight: 3,
    act: async (world, random) => {
      const name = someExperiment(world, random);
      if (name === undefined) return false;
      await change(world, name, { parallelism: 1 + random.integer(3) });
      return true;
    },
  },
  {
    name: 'run.retry raised',
    weight: 2,
    act: async (world, random) => {
      // Also for experiments that have ended: those that failed begin again, and must end as before.
      const experiment = one(world.experiments.list(), random);
      if (experiment === undefined) return false;
      await change(world, experiment.metadata.name, { retry: world.nextRetry() });
      return true;
    },
  },
  {
    name: 'experiment deleted',
    weight: 2,
    act: async (world, random, deleted) => {
      const name = someExperiment(world, random);
      if (name === undefined) return false;
      deleted.add(name);
      const path = resourcePath(EXPERIMENTS, { namespace: world.namespace, name });
      await retried(() => world.client.request({ method: 'DELETE', path }));
      return true;
    },
  },
];
