/** Nodes that exist for the API server only: kwok keeps them ready and moves their pods along. For thousands of pods at once. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { KubernetesObject, ObjectCondition, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { NODES, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { type ClusterNode, deleteLease, deleteNode, registerNode } from './cluster-node.ts';
import { clusterTool } from './cluster-tool.ts';
import { type SimulatedRun, simulatedStages } from './simulated-stages.ts';
import { startTethered } from './tethered-process.ts';
import { waitFor } from './wait-for.ts';

/** Nodes of a process kubelet in the same cluster are left alone. */
const LABEL = { name: 'carpal.dev/simulated', value: 'true' };
const LEASE_SECONDS = 40;

export type SimulatedNodesOptions = {
  readonly client: KubernetesClient;
  /** Of an administrator, for kwok. */
  readonly kubeconfig: string;
  readonly nodes: readonly ClusterNode[];
  readonly run: SimulatedRun;
};

export type SimulatedNodes = {
  readonly pid: number;
  readonly logFile: string;
  /** Registers one more node; it becomes ready soon after. */
  addNode(node: ClusterNode): Promise<void>;
  /** Takes the node's object away, as a cloud does with its machine. */
  removeNode(name: string): Promise<void>;
  /** Ends the simulation. The objects stay as they are. */
  stop(): Promise<void>;
};

/** As many nodes alike: `prefix-0`, `prefix-1`, … */
export function alikeNodes(prefix: string, count: number, node: Omit<ClusterNode, 'name'> = {}): readonly ClusterNode[] {
  return Array.from({ length: count }, (_, index) => ({ ...node, name: `${prefix}-${index}` }));
}

type NodeObject = KubernetesObject & { readonly status?: { readonly conditions?: readonly ObjectCondition[] } };

/** Starts kwok and registers the nodes; all are ready when it returns. Throws `resource-missing` with kwok's last words when it ends before. */
export async function startSimulatedNodes({ client, kubeconfig, nodes, run }: SimulatedNodesOptions): Promise<SimulatedNodes> {
  const folder = await mkdtemp(join(tmpdir(), 'carpal-simulated-'));
  const stages = join(folder, 'stages.yaml');
  const logFile = join(folder, 'kwok.log');
  await writeFile(stages, simulatedStages(run));
  // Each kwok has an identity of its own.
  await Promise.all(nodes.map(({ name }) => deleteLease(client, name)));
  const kwok = await startTethered({
    program: clusterTool('kwok'),
    args: [
      `--kubeconfig=${kubeconfig}`,
      `--config=${stages}`,
      `--manage-nodes-with-label-selector=${LABEL.name}=${LABEL.value}`,
      `--node-lease-duration-seconds=${LEASE_SECONDS}`,
    ],
    cwd: folder,
    logFile,
  });
  const stop = async (): Promise<void> => {
    kwok.kill('SIGKILL');
    await kwok.ended;
    await rm(folder, { recursive: true, force: true });
  };
  const addNode = (node: ClusterNode): Promise<void> =>
    registerNode(client, { ...node, labels: { ...node.labels, [LABEL.name]: LABEL.value } });
  const failed = kwok.ended.then(async () => {
    throw new CarpalError('resource-missing', `kwok has ended:\n${await kwok.tail(8)}`, { where: logFile });
  });
  // Only a kwok that ends before the nodes are ready is an error.
  failed.catch(() => undefined);
  try {
    await Promise.all(nodes.map(addNode));
    const names = new Set(nodes.map(({ name }) => name));
    const areReady = ({ items }: ObjectList<NodeObject>): boolean =>
      items.filter(isReady).filter((node) => names.has(node.metadata.name)).length === names.size;
    await Promise.race([waitFor(client, resourcePath(NODES), areReady), failed]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: kwok.pid, logFile, addNode, removeNode: (name) => deleteNode(client, name), stop };
}

function isReady({ status }: NodeObject): boolean {
  return (status?.conditions ?? []).some(({ type, status: value }) => type === 'Ready' && value === 'True');
}
