/**
 * A small kubelet for several nodes: it registers them, sends heartbeats, and runs every pod that the scheduler binds to them. The caller
 * decides what a container is: a process of this machine (host-process.ts) or a script (scripted-pod.ts). Pods have one container that runs
 * once (`restartPolicy: Never`), as carpal's stages do; there are no init containers, probes or networks.
 */
import { randomInt } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { createReflector } from '@carpal/kubernetes/runtime/reflector.ts';
import type { Change } from '@carpal/kubernetes/runtime/store.ts';
import { beat, type ClusterNode, deleteNode, registerNode } from './cluster-node.ts';
import type { KubeletPod, PodEndReason } from './kubelet-pod.ts';
import { type ContainerLog, type KubeletServer, type KubeletServerOptions, startKubeletServer } from './kubelet-server.ts';
import { type ContainerRunner, type PodRun, startPodRun } from './pod-run.ts';

const HEARTBEAT_MS = 5000;

export type ProcessKubeletOptions = {
  readonly client: KubernetesClient;
  readonly nodes: readonly ClusterNode[];
  readonly run: ContainerRunner;
  /** The problem with an image, if there is one: its pods wait in ErrImagePull and ImagePullBackOff. */
  readonly imageFault?: (image: string) => string | undefined;
  /** Makes `kubectl logs` work; see kubelet-server.ts. */
  readonly tls?: KubeletServerOptions['tls'];
  readonly now?: () => Date;
  /** Called for a write that the API server will never accept. Default: a process warning. */
  readonly onError?: (error: unknown) => void;
};

export type ProcessKubelet = {
  /** The pods on these nodes whose objects still exist. */
  pods(): readonly KubeletPod[];
  /** The log file of the pod's container, if the pod has started here. */
  logFile(namespace: string, name: string): string | undefined;
  /** Cuts the node's network: no heartbeats, no status, no news of pods. Containers continue. */
  disconnect(node: string): void;
  /** Restores the network. */
  reconnect(node: string): void;
  /** Turns the machine off: its containers are gone, and no end is reported. The node's object stays. */
  powerOff(node: string): Promise<void>;
  /** Turns the machine off and deletes the node's object, as a cloud does with a machine that it takes back. */
  removeMachine(node: string): Promise<void>;
  /** Evicts a pod because the node runs out of memory. Without `disruptionTarget`: because the pod uses more disk than its limit. */
  evict(namespace: string, name: string, how: { readonly disruptionTarget: boolean }): void;
  /** Ends every container and the kubelet. The objects stay as they are. */
  stop(): Promise<void>;
};

type NodeState = {
  readonly node: ClusterNode;
  readySince: Date;
  isOn: boolean;
  /** Pending while the node is disconnected. */
  outage: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
};

const PRESSURE: PodEndReason = {
  reason: 'Evicted',
  message: 'The node was low on resource: memory.',
  condition: {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'TerminationByKubelet',
    message: 'The node was low on resource: memory.',
  },
};
const OVER_LIMIT: PodEndReason = { reason: 'Evicted', message: 'Pod ephemeral local storage usage exceeds the total limit of containers.' };

/** Starts the kubelet. Its nodes are registered and its watch is open when it returns. */
export async function startProcessKubelet(options: ProcessKubeletOptions): Promise<ProcessKubelet> {
  const { client, nodes, run, now = () => new Date(), imageFault = () => undefined } = options;
  const onError = options.onError ?? ((error: unknown) => process.emitWarning(error instanceof Error ? error : String(error)));
  const folder = await mkdtemp(join(tmpdir(), 'carpal-kubelet-'));
  const states = new Map(nodes.map((node): [string, NodeState] => [node.name, { node, readySince: now(), isOn: true, outage: undefined }]));
  const runs = new Map<string, PodRun>();
  const ending = new AbortController();

  const find = (namespace: string, name: string): PodRun | undefined =>
    [...runs.values()].find((podRun) => podRun.latest().metadata.name === name && podRun.latest().metadata.namespace === namespace);
  const logFile = (namespace: string, name: string): string | undefined => find(namespace, name)?.logFile;

  const findLog = (namespace: string, name: string): ContainerLog | undefined => {
    const podRun = find(namespace, name);
    return podRun === undefined ? undefined : { path: podRun.logFile, isWhole: podRun.hasEnded };
  };

  let server: KubeletServer | undefined;
  if (options.tls !== undefined) server = await startKubeletServer({ tls: options.tls, findLog });

  const stateOf = (name: string): NodeState => {
    const state = states.get(name);
    if (state === undefined) throw new Error(`this kubelet has no node ${name}`);
    return state;
  };

  const startRun = (pod: KubeletPod, state: NodeState): void => {
    const { uid } = pod.metadata;
    const home = join(folder, uid);
    mkdirSync(home, { recursive: true });
    const whenConnected = async (): Promise<void> => state.outage?.promise;
    const { clockAheadMs = 0 } = state.node;
    const nodeNow = (): Date => new Date(now().getTime() + clockAheadMs);
    const log = join(home, 'container.log');
    runs.set(uid, startPodRun(pod, { client, run, folder: home, logFile: log, whenConnected, now: nodeNow, imageFault, onError }));
  };

  const drop = (uid: string): void => {
    const podRun = runs.get(uid);
    if (podRun === undefined) return;
    podRun.podIsGone();
    runs.delete(uid);
    void podRun.done.then(() => rm(join(folder, uid), { recursive: true, force: true })).catch(onError);
  };

  /** Applies a pod of the API server to its node. */
  const apply = (pod: KubeletPod): void => {
    const state = states.get(pod.spec.nodeName ?? '');
    if (state === undefined || !state.isOn || state.outage !== undefined) return;
    const podRun = runs.get(pod.metadata.uid);
    if (podRun === undefined) startRun(pod, state);
    else podRun.update(pod);
  };

  const pods = createReflector<KubeletPod, KubeletPod>({
    client,
    path: resourcePath(PODS),
    query: { fieldSelector: 'spec.nodeName!=' },
    keep: (pod) => pod,
    random: () => randomInt(1_000_000) / 1_000_000,
    onChange: ({ type, object, previous }: Change<KubeletPod>) => {
      if (previous !== undefined && previous.metadata.uid !== object.metadata.uid) drop(previous.metadata.uid);
      const isConnected = states.get(object.spec.nodeName ?? '')?.outage === undefined;
      if (type !== 'deleted') apply(object);
      else if (isConnected) drop(object.metadata.uid);
    },
  });

  const beatAll = async (): Promise<void> => {
    const alive = [...states.values()].filter(({ isOn, outage }) => isOn && outage === undefined);
    await Promise.all(
      alive.map(({ node, readySince }) =>
        beat(client, node, { now: now(), readySince, kubeletPort: server?.port }).catch((error: unknown) => {
          // Lost heartbeats are what the control plane must notice.
          if (!(error instanceof ApiError)) onError(error);
        }),
      ),
    );
  };

  const powerOff = async (name: string): Promise<void> => {
    const state = stateOf(name);
    state.isOn = false;
    const lost = [...runs.values()].filter((podRun) => podRun.latest().spec.nodeName === name);
    for (const podRun of lost) podRun.podIsGone();
    await Promise.all(lost.map(({ done }) => done));
  };

  await Promise.all(nodes.map((node) => registerNode(client, node)));
  await beatAll();
  const heart = setInterval(() => void beatAll(), HEARTBEAT_MS);
  const watching = pods.run(ending.signal);
  await pods.synced;

  return {
    pods: () => pods.list().filter((pod) => states.has(pod.spec.nodeName ?? '')),
    logFile,
    disconnect: (name) => {
      stateOf(name).outage ??= Promise.withResolvers<void>();
    },
    reconnect: (name) => {
      const state = stateOf(name);
      state.outage?.resolve();
      state.outage = undefined;
      state.readySince = now();
      const current = pods.list().filter(({ spec }) => spec.nodeName === name);
      const uids = new Set(current.map(({ metadata }) => metadata.uid));
      for (const [uid, podRun] of runs) if (podRun.latest().spec.nodeName === name && !uids.has(uid)) drop(uid);
      for (const pod of current) apply(pod);
      void beatAll();
    },
    powerOff,
    removeMachine: async (name) => {
      await powerOff(name);
      await deleteNode(client, name);
    },
    evict: (namespace, name, { disruptionTarget }) => {
      const podRun = find(namespace, name);
      if (podRun === undefined) throw new Error(`no pod ${namespace}/${name} runs here`);
      podRun.evict(disruptionTarget ? PRESSURE : OVER_LIMIT);
    },
    stop: async () => {
      clearInterval(heart);
      ending.abort();
      const all = [...runs.values()];
      for (const podRun of all) podRun.podIsGone();
      for (const { outage } of states.values()) outage?.resolve();
      await Promise.all([watching, ...all.map(({ done }) => done), server?.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
