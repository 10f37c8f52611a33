/** Everything that a soak does to its cluster. Each fault mends what it broke before it ends; what it cannot mend is the operator's work. */
import { setTimeout as pause } from 'node:timers/promises';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import { EXPERIMENTS, JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { Random } from '@carpal/masks/random.ts';
import { hasEnded } from '@carpal/operator/jobs/kept-job.ts';
import type { KubeletPod } from '@carpal/testbed/cluster/kubelet-pod.ts';
import type { ApiCall, ApiFault } from '@carpal/testbed/operator/faulty-api-proxy.ts';
import type { SoakWorld } from './soak-world.ts';

export type SoakFault = {
  readonly name: string;
  /** How often it is drawn, compared with the others. */
  readonly weight: number;
  /** Faults that need the same thing do not happen together. */
  readonly needs?: string;
  /** False where there was nothing to do it to. */
  readonly act: (world: SoakWorld, random: Random, deleted: Set<string>) => Promise<boolean>;
};

const seconds = (random: Random, least: number, most: number): Promise<void> => pause(random.range(least, most) * 1000);

function one<Item>(items: readonly Item[], random: Random): Item | undefined {
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

/** An experiment that goes on. */
const someExperiment = ({ experiments }: SoakWorld, random: Random): string | undefined =>
  one(
    experiments.list().filter(({ ended }) => ended === undefined),
    random,
  )?.metadata.name;

const change = (world: SoakWorld, name: string, run: object): Promise<unknown> =>
  insisted(() =>
    world.client.request({
      method: 'PATCH',
      patch: 'merge',
      path: resourcePath(EXPERIMENTS, { namespace: world.namespace, name }),
      body: { spec: { run } },
    }),
  );

/** Tries for as long as the API server is away; an object that is gone is no error. */
async function insisted(ask: () => Promise<unknown>): Promise<void> {
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

const isWrite = ({ verb }: ApiCall): boolean => verb !== 'get' && verb !== 'list' && verb !== 'watch';

const refused =
  (fault: ApiFault, percent: number) =>
  async (world: SoakWorld, random: Random): Promise<boolean> => {
    world.proxy.set((call) => (isWrite(call) && random.integer(100) < percent ? fault : undefined));
    await seconds(random, 2, 6);
    world.proxy.set();
    return true;
  };

const jobDeleted =
  (propagationPolicy: 'Foreground' | 'Background' | 'Orphan') =>
  async (world: SoakWorld, random: Random): Promise<boolean> => {
    const job = one(
      world.jobs.list().filter((some) => !hasEnded(some)),
      random,
    );
    if (job === undefined) return false;
    const { name, namespace = '' } = job.metadata;
    await insisted(() =>
      world.client.request({ method: 'DELETE', path: resourcePath(JOBS, { namespace, name }), body: { propagationPolicy } }),
    );
    return true;
  };

export const SOAK_FAULTS: readonly SoakFault[] = [
  { name: 'pod evicted for want of memory on its node', weight: 6, act: evicted(true) },
  { name: 'pod evicted for its own disk use', weight: 3, act: evicted(false) },
  {
    name: 'pod deleted',
    weight: 6,
    act: async (world, random) => {
      const [, pod] = one(runningPods(world), random) ?? [];
      if (pod === undefined) return false;
      const { name, namespace } = pod.metadata;
      await insisted(() => world.client.request({ method: 'DELETE', path: resourcePath(PODS, { namespace, name }) }));
      return true;
    },
  },
  { name: 'Job deleted in the background', weight: 3, act: jobDeleted('Background') },
  { name: 'Job deleted in the foreground', weight: 3, act: jobDeleted('Foreground') },
  { name: 'Job deleted, its pod left alone', weight: 2, act: jobDeleted('Orphan') },
  {
    name: 'node lost, another under its name later',
    weight: 2,
    needs: 'node',
    act: async (world, random) => {
      const node = one(world.nodes, random) ?? '';
      await world.loseNode(node);
      await seconds(random, 2, 15);
      await insisted(() => world.bringNode(node));
      return true;
    },
  },
  {
    name: 'node cut off the network for a while',
    weight: 3,
    needs: 'node',
    act: async (world, random) => {
      const node = one(world.nodes, random) ?? '';
      const kubelet = world.kubelet(node);
      kubelet.silence(node);
      await seconds(random, 2, 20);
      kubelet.speak(node);
      return true;
    },
  },
  {
    name: 'operator killed and started again',
    weight: 4,
    needs: 'operator',
    act: async (world, random) => {
      const slot = random.integer(world.operators.length);
      world.operators[slot]?.kill('SIGKILL');
      await seconds(random, 0, 5);
      await world.startOperator(slot);
      return true;
    },
  },
  {
    name: 'operator told to end and started again',
    weight: 2,
    needs: 'operator',
    act: async (world, random) => {
      const slot = random.integer(world.operators.length);
      await world.operators[slot]?.stop();
      await world.startOperator(slot);
      return true;
    },
  },
  {
    name: 'operator frozen beyond its Lease, then going on',
    weight: 1,
    needs: 'operator',
    act: async (world, random) => {
      const operator = one(world.operators, random);
      operator?.kill('SIGSTOP');
      await seconds(random, 5, 25);
      operator?.kill('SIGCONT');
      return operator !== undefined;
    },
  },
  {
    name: 'API server killed and started again',
    weight: 1,
    needs: 'api',
    act: async (world, random) => {
      await world.controlPlane.killApiServer();
      await seconds(random, 0, 3);
      await world.controlPlane.startApiServer();
      return true;
    },
  },
  {
    name: 'API server frozen for a while',
    weight: 2,
    needs: 'api',
    act: async (world, random) => {
      world.controlPlane.pauseApiServer();
      await seconds(random, 1, 8);
      world.controlPlane.resumeApiServer();
      return true;
    },
  },
  { name: 'watches cut', weight: 4, act: async ({ proxy }) => proxy.cutWatches() > 0 },
  { name: 'watches expired', weight: 3, act: async ({ proxy }) => proxy.expireWatches() > 0 },
  {
    name: 'writes refused with 429',
    weight: 2,
    needs: 'proxy',
    act: refused({ status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 }, 50),
  },
  { name: 'writes refused with 500', weight: 2, needs: 'proxy', act: refused({ status: 500, reason: 'InternalError' }, 40) },
  { name: 'answers to writes lost', weight: 2, needs: 'proxy', act: refused('lose-answer', 40) },
  { name: 'connections cut before a write', weight: 2, needs: 'proxy', act: refused('cut', 40) },
  { name: 'writes slow', weight: 2, needs: 'proxy', act: refused({ delayMs: 1500 }, 60) },
  {
    name: 'artifact store away',
    weight: 2,
    needs: 'store',
    act: async (world, random) => {
      await world.takeStoreAway();
      await seconds(random, 3, 12);
      await world.bringStoreBack();
      return true;
    },
  },
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
    name: 'experiment deleted',
    weight: 2,
    act: async (world, random, deleted) => {
      const name = someExperiment(world, random);
      if (name === undefined) return false;
      deleted.add(name);
      const path = resourcePath(EXPERIMENTS, { namespace: world.namespace, name });
      await insisted(() => world.client.request({ method: 'DELETE', path }));
      return true;
    },
  },
];
