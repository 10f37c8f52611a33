/** Nodes that exist only as objects: kwok keeps them ready and moves their pods along. For thousands of concurrent pods. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { KubernetesObject, ObjectCondition, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { NODES, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { clusterTool, startChild } from './child-process.ts';
import { type ClusterNode, deleteLease, deleteNode, registerNode } from './cluster-node.ts';
import { waitFor } from './wait-for.ts';

/** Marks the nodes that kwok manages, so that it ignores the nodes of a process kubelet in the same cluster. */
const LABEL = { name: 'carpal.dev/simulated', value: 'true' };
const LEASE_SECONDS = 40;

export type SimulatedNodesOptions = {
  readonly client: KubernetesClient;
  /** An administrator's kubeconfig, for kwok. */
  readonly kubeconfig: string;
  readonly nodes: readonly ClusterNode[];
  readonly run: SimulatedRun;
};

export type SimulatedNodes = {
  readonly pid: number;
  readonly logFile: string;
  /** Registers one more node, which soon becomes ready. */
  addNode(node: ClusterNode): Promise<void>;
  /** Deletes the node's object, as a cloud does with its machine. */
  removeNode(name: string): Promise<void>;
  /** Ends the simulation. The objects stay as they are. */
  stop(): Promise<void>;
};

/** `count` identical nodes: `prefix-0`, `prefix-1`, … */
export function alikeNodes(prefix: string, count: number, node: Omit<ClusterNode, 'name'> = {}): readonly ClusterNode[] {
  return Array.from({ length: count }, (_, index) => ({ ...node, name: `${prefix}-${index}` }));
}

type NodeObject = KubernetesObject & { readonly status?: { readonly conditions?: readonly ObjectCondition[] } };

/**
 * Starts kwok and registers the nodes. All are ready when it returns. Throws `resource-missing` with the end of kwok's log if kwok ends
 * earlier.
 */
export async function startSimulatedNodes({ client, kubeconfig, nodes, run }: SimulatedNodesOptions): Promise<SimulatedNodes> {
  const folder = await mkdtemp(join(tmpdir(), 'carpal-simulated-'));
  const stages = join(folder, 'stages.yaml');
  const logFile = join(folder, 'kwok.log');
  await writeFile(stages, simulatedStages(run));
  // Each kwok process has its own identity, so an earlier lease would block it.
  await Promise.all(nodes.map(({ name }) => deleteLease(client, name)));
  const kwok = await startChild({
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
  // An end of kwok is an error only before the nodes are ready.
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

/** How simulated pods run and end. */
type SimulatedRun = {
  /**
   * How long a pod runs, or the shortest and the longest time. A pod's annotation `pod-complete.stage.kwok.x-k8s.io/delay` ("90s")
   * overrides it.
   */
  readonly runMs: number | readonly [number, number];
  /** This percentage of the pods fails with this exit code. */
  readonly failures?: { readonly percent: number; readonly exitCode: number };
};

type Requirement = {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values?: readonly string[];
};

const PHASE = '.status.phase';
const READY = '.status.conditions.[] | select( .type == "Ready" ) | .status';
const DELETION = '.metadata.deletionTimestamp';
const ANNOTATION = '.metadata.annotations["pod-complete.stage.kwok.x-k8s.io/delay"]';

const is = (key: string, ...values: readonly string[]): Requirement => ({ key, operator: 'In', values });
const isDeleted: Requirement = { key: DELETION, operator: 'Exists' };
const isWanted: Requirement = { key: DELETION, operator: 'DoesNotExist' };

function stage(kind: 'Node' | 'Pod', name: string, matchExpressions: readonly Requirement[], rest: object): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions }, ...rest },
  };
}

/** A condition as a line of a status template. */
const condition = (type: string, status: string): string => `- {type: ${type}, status: "${status}", lastTransitionTime: {{ Now | Quote }}}`;

const NODE_STATUS = `
conditions:
${condition('Ready', 'True')}
phase: Running
`;

const RUNNING_STATUS = `
phase: Running
startTime: {{ Now | Quote }}
conditions:
${['Initialized', 'Ready', 'ContainersReady'].map((type) => condition(type, 'True')).join('\n')}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ Now | Quote }}}}
{{ end }}
`;

function endedStatus(exitCode: number): string {
  const reason = exitCode === 0 ? 'Completed' : 'Error';
  return `
{{ $pod := . }}
phase: ${exitCode === 0 ? 'Succeeded' : 'Failed'}
conditions:
${condition('Initialized', 'True')}
${['Ready', 'ContainersReady'].map((type) => condition(type, 'False')).join('\n')}
containerStatuses:
{{ range $index, $container := .spec.containers }}
{{ $begin := Now }}
{{ with $pod.status.startTime }}{{ $begin = . }}{{ end }}
- name: {{ $container.name | Quote }}
  image: {{ $container.image | Quote }}
  imageID: ""
  ready: false
  started: false
  restartCount: 0
  state: {terminated: {exitCode: ${exitCode}, reason: ${reason}, startedAt: {{ $begin | Quote }}, finishedAt: {{ Now | Quote }}}}
{{ end }}
`;
}

/** kwok's configuration: the stages of nodes and pods (Stage objects, v1alpha1) as YAML documents (JSON is valid YAML). */
function simulatedStages({ runMs, failures }: SimulatedRun): string {
  const [leastMs, mostMs] = typeof runMs === 'number' ? [runMs, runMs] : runMs;
  const percent = failures?.percent ?? 0;
  const delay = {
    durationMilliseconds: leastMs,
    durationFrom: { expressionFrom: ANNOTATION },
    ...(mostMs > leastMs ? { jitterDurationMilliseconds: mostMs } : {}),
  };
  const ending = (name: string, weight: number, exitCode: number): readonly object[] =>
    weight === 0
      ? []
      : [stage('Pod', name, [isWanted, is(PHASE, 'Running')], { weight, delay, next: { statusTemplate: endedStatus(exitCode) } })];
  const stages = [
    stage('Node', 'node-ready', [{ key: READY, operator: 'NotIn', values: ['True'] }], { next: { statusTemplate: NODE_STATUS } }),
    stage('Pod', 'pod-run', [isWanted, is(PHASE, 'Pending')], { next: { statusTemplate: RUNNING_STATUS } }),
    ...ending('pod-complete', 100 - percent, 0),
    ...ending('pod-fail', percent, failures?.exitCode ?? 1),
    // As a kubelet does: the end is written before the object is deleted.
    stage('Pod', 'pod-stop', [isDeleted, is(PHASE, 'Pending', 'Running')], { next: { statusTemplate: endedStatus(143) } }),
    stage('Pod', 'pod-remove', [isDeleted, is(PHASE, 'Succeeded', 'Failed')], { next: { delete: true } }),
  ];
  return stages.map((one) => JSON.stringify(one)).join('\n---\n');
}
