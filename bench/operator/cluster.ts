/** The cluster that the operator is measured on: a real control plane with raised limits, and simulated GPU nodes. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { API_VERSION, KIND } from '@carpal/configs/schema/experiment.ts';
import { type Connection, connect } from '@carpal/kubernetes/api/connect.ts';
import { type Resource, resourcePath, SERVICE_ACCOUNTS } from '@carpal/kubernetes/api/resource-path.ts';
import { type ControlPlane, startControlPlane } from '@carpal/testbed/cluster/control-plane.ts';
import { alikeNodes, startSimulatedNodes } from '@carpal/testbed/cluster/simulated-nodes.ts';
import { applyCrd, freshNamespace } from '@carpal/testbed/cluster/test-objects.ts';
import { processUsage } from '../harness/processes.ts';

const ROLE_BINDINGS: Resource = { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'clusterrolebindings' };

/** Enough capacity for all stages: the operator is measured, not the wait for a GPU. */
const NODE = { capacity: { 'nvidia.com/gpu': '1000', cpu: '9999', memory: '99Ti', pods: '1000' } };
const NODES = 40;

export type OperatorCluster = {
  readonly controlPlane: ControlPlane & { readonly auditLog: string };
  /** An administrator's connection. */
  readonly client: Connection;
  /** The operator's kubeconfig: a service account of its own, so that the audit log shows its requests. */
  readonly operatorKubeconfig: string;
  readonly operatorUser: string;
  /** The namespace of the experiments and the Lease. */
  readonly namespace: string;
  /** An empty artifact store. */
  readonly artifacts: string;
  /** The memory and CPU time of all parts of the control plane together, and the CPU time of each part and of the simulated nodes. */
  usage(): Promise<ClusterUsage>;
};

export type ClusterUsage = {
  readonly rssMb: number;
  readonly cpuSeconds: number;
  readonly parts: Readonly<Record<string, number>>;
};

/** Starts a cluster for `work`, and stops it in any case. `podMs` is how long a pod runs; without it there are no nodes. */
export async function withOperatorCluster<Result>(
  podMs: number | undefined,
  work: (cluster: OperatorCluster) => Promise<Result>,
): Promise<Result> {
  const controlPlane = await startControlPlane({ forLoad: true, audit: 'tenants' });
  const ends: (() => Promise<void>)[] = [controlPlane.stop];
  try {
    const { auditLog, kubeconfig, folder } = controlPlane;
    if (auditLog === undefined) throw new Error('the control plane keeps no audit log');
    const client = await connect({ kubeconfig });
    ends.push(async () => client.close());
    await applyCrd(client);
    const namespace = await freshNamespace(client);
    let nodesPid: number | undefined;
    if (podMs !== undefined) {
      const nodes = await startSimulatedNodes({ client, kubeconfig, nodes: alikeNodes('gpu', NODES, NODE), run: { runMs: podMs } });
      nodesPid = nodes.pid;
      ends.push(nodes.stop);
    }
    const artifacts = join(folder, 'artifacts');
    await mkdir(artifacts);
    const usage = async (): Promise<ClusterUsage> => {
      const pids = Object.entries(controlPlane.pids());
      const parts = await Promise.all(pids.map(async ([name, pid]) => [name, await processUsage(pid)] as const));
      const sum = (value: (part: { rssMb: number; cpuSeconds: number }) => number): number =>
        parts.reduce((all, [, part]) => all + value(part), 0);
      const nodes = nodesPid === undefined ? [] : [['simulated nodes, not in the sum', (await processUsage(nodesPid)).cpuSeconds] as const];
      return {
        rssMb: sum(({ rssMb }) => rssMb),
        cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
        parts: Object.fromEntries([...parts.map(([name, { cpuSeconds }]) => [name, cpuSeconds] as const), ...nodes]),
      };
    };
    const { user, token } = await operatorAccount(client, namespace);
    const operatorKubeconfig = await controlPlane.writeKubeconfig('operator', token);
    return await work({
      controlPlane: { ...controlPlane, auditLog },
      client,
      operatorKubeconfig,
      operatorUser: user,
      namespace,
      artifacts,
      usage,
    });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** A service account with all permissions, and its token. */
async function operatorAccount(client: Connection, namespace: string): Promise<{ readonly user: string; readonly token: string }> {
  const name = 'operator';
  await client.request({ method: 'POST', path: resourcePath(SERVICE_ACCOUNTS, { namespace }), body: { metadata: { name } } });
  const binding = {
    metadata: { name: `${namespace}-${name}` },
    roleRef: { apiGroup: ROLE_BINDINGS.group, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  };
  await client.request({ method: 'POST', path: resourcePath(ROLE_BINDINGS), body: binding });
  const { status } = await client.request<{ status: { token: string } }>({
    method: 'POST',
    path: `${resourcePath(SERVICE_ACCOUNTS, { namespace, name })}/token`,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 7200 } },
  });
  return { user: `system:serviceaccount:${namespace}:${name}`, token: status.token };
}

/** An experiment that trains five folds concurrently, each on one GPU. */
export function benchExperiment(name: string): object {
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name },
    spec: { dataset: { uri: '/data', split: { folds: 5 } }, model: { name: 'UNet' }, run: { parallelism: 5 } },
  };
}
