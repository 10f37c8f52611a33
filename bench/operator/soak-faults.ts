/** The faults of a soak. Each fault repairs its own damage before it ends, except what the operator must repair. */
import { NODES, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { Random } from '@carpal/masks/random.ts';
import type { ApiCall, ApiFault } from '@carpal/testbed/kubernetes/faulty-api-proxy.ts';
import type { SoakWorld } from './soak-world.ts';
import { EXPERIMENT_FAULTS, one, POD_FAULTS, retried, type SoakFault, seconds } from './workload-faults.ts';

const isWrite = ({ verb }: ApiCall): boolean => verb !== 'get' && verb !== 'list' && verb !== 'watch';

const refused =
  (fault: ApiFault, percent: number) =>
  async (world: SoakWorld, random: Random): Promise<boolean> => {
    world.proxy.set((call) => (isWrite(call) && random.integer(100) < percent ? fault : undefined));
    await seconds(random, 2, 6);
    world.proxy.set();
    return true;
  };

/** Faults of nodes, operators, the API server, the network and the artifact store. */
const CLUSTER_FAULTS: readonly SoakFault[] = [
  {
    name: 'node lost, later replaced under its name',
    weight: 2,
    needs: 'node',
    act: async (world, random) => {
      const node = one(world.nodes, random) ?? '';
      await world.removeNode(node);
      await seconds(random, 2, 15);
      await retried(() => world.addNode(node));
      return true;
    },
  },
  {
    name: 'node disconnected for a while',
    weight: 3,
    needs: 'node',
    act: async (world, random) => {
      const node = one(world.nodes, random) ?? '';
      const kubelet = world.kubelet(node);
      kubelet.disconnect(node);
      await seconds(random, 2, 20);
      kubelet.reconnect(node);
      return true;
    },
  },
  {
    name: 'operator killed and restarted',
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
    name: 'operator terminated and restarted',
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
    name: 'operator frozen beyond its Lease, then resumed',
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
    name: 'API server killed and restarted',
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
  { name: 'writes delayed', weight: 2, needs: 'proxy', act: refused({ delayMs: 1500 }, 60) },
  {
    name: 'artifact store unavailable',
    weight: 2,
    needs: 'store',
    act: async (world, random) => {
      await world.hideStore();
      await seconds(random, 3, 12);
      await world.restoreStore();
      return true;
    },
  },
];

const POLICIES: Resource = { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingadmissionpolicies' };
const BINDINGS: Resource = { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingadmissionpolicybindings' };
const NO_JOBS = 'soak-no-jobs';

/** Whether the API server denies every Job. */
async function denyJobs({ client }: SoakWorld, isDenied: boolean): Promise<void> {
  if (!isDenied) return await retried(() => client.request({ method: 'DELETE', path: resourcePath(BINDINGS, { name: NO_JOBS }) }));
  const resourceRules = [{ apiGroups: ['batch'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['jobs'] }];
  const validations = [{ expression: 'false', message: 'no Jobs now' }];
  const policy = { failurePolicy: 'Fail', matchConstraints: { resourceRules }, validations };
  // Applied, not created: the policy stays when its binding is gone.
  const apply = async (resource: Resource, kind: string, spec: object): Promise<void> => {
    const body = { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name: NO_JOBS }, spec };
    const query = { fieldManager: 'soak', force: true };
    await retried(() => client.request({ method: 'PATCH', patch: 'apply', path: resourcePath(resource, { name: NO_JOBS }), query, body }));
  };
  await apply(POLICIES, 'ValidatingAdmissionPolicy', policy);
  await apply(BINDINGS, 'ValidatingAdmissionPolicyBinding', { policyName: NO_JOBS, validationActions: ['Deny'] });
}

/** Whether no node takes further pods. */
async function cordonAll({ client, nodes }: SoakWorld, unschedulable: boolean): Promise<void> {
  const body = { spec: { unschedulable } };
  for (const name of nodes) await retried(() => client.request({ method: 'PATCH', path: resourcePath(NODES, { name }), body }));
}

/** What must not end an experiment: each lasts a while and passes. */
const RECOVERABLE_FAULTS: readonly SoakFault[] = [
  {
    name: 'artifact store denied to stages',
    weight: 1,
    needs: 'store',
    act: async (world, random) => {
      world.denyStore(true);
      await seconds(random, 1, 4);
      world.denyStore(false);
      return true;
    },
  },
  {
    name: 'Jobs denied by a policy',
    weight: 2,
    needs: 'policy',
    act: async (world, random) => {
      await denyJobs(world, true);
      await seconds(random, 2, 10);
      await denyJobs(world, false);
      return true;
    },
  },
  {
    name: 'no capacity for a while',
    weight: 2,
    needs: 'node',
    act: async (world, random) => {
      await cordonAll(world, true);
      await seconds(random, 3, 15);
      await cordonAll(world, false);
      return true;
    },
  },
];

/** Every fault. The order decides which fault a random number draws. */
export const SOAK_FAULTS: readonly SoakFault[] = [...POD_FAULTS, ...CLUSTER_FAULTS, ...RECOVERABLE_FAULTS, ...EXPERIMENT_FAULTS];
