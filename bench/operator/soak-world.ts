/** A cluster for faults: two operators behind a faulty proxy, nodes that are added and removed, and a record of every container. */

import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EXPERIMENTS } from '@carpal/configs/names.ts';
import { type Connection, connect } from '@carpal/kubernetes/api/connect.ts';
import type { Job } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { createReflector } from '@carpal/kubernetes/runtime/reflector.ts';
import type { Reflector } from '@carpal/kubernetes/runtime/reflector-types.ts';
import { type ExperimentObject, type KeptExperiment, keepExperiment } from '@carpal/operator/controller/experiment-object.ts';
import { type KeptJob, keepJob } from '@carpal/operator/jobs/kept-objects.ts';
import { type ControlPlane, startControlPlane } from '@carpal/testbed/cluster/control-plane.ts';
import { type ProcessKubelet, startProcessKubelet } from '@carpal/testbed/cluster/process-kubelet.ts';
import { type PodScript, scripted } from '@carpal/testbed/cluster/scripted-pod.ts';
import { applyCrd, freshNamespace } from '@carpal/testbed/cluster/test-objects.ts';
import { type FaultyApiProxy, startFaultyApiProxy } from '@carpal/testbed/kubernetes/faulty-api-proxy.ts';
import { attemptOfPod, type ScriptedAttempt } from '@carpal/testbed/operator/attempt-objects.ts';
import { createContainerRecord } from './container-record.ts';
import { type OperatorProcess, startOperatorProcess } from './process.ts';

const NODES = ['node-0', 'node-1', 'node-2', 'node-3'];
const CAPACITY = { 'nvidia.com/gpu': '64', cpu: '640', memory: '9Ti', pods: '500' };
/** How long a node may be silent before its pods are evicted. */
const GRACE_SECONDS = 8;
/** Watches end by themselves after this time, so that the effect of a fault is short. */
const WATCH_SECONDS = 20;

/** What a stage does that has no access to the artifact store. */
const DENIED: PodScript = { runMs: 200, exitCode: 74, message: 'store-denied: the artifact store denied access' };

export type SoakWorld = {
  readonly controlPlane: ControlPlane & { readonly auditLog: string };
  /** An administrator's connection that bypasses the proxy. */
  readonly client: Connection;
  readonly namespace: string;
  readonly proxy: FaultyApiProxy;
  /** The objects as this process sees them. */
  readonly experiments: Reflector<ExperimentObject, KeptExperiment>;
  readonly jobs: Reflector<Job, KeptJob>;
  readonly nodes: readonly string[];
  kubelet(node: string): ProcessKubelet;
  /** Removes the machine with everything that runs on it. `addNode` adds another machine with its name. */
  removeNode(node: string): Promise<void>;
  addNode(node: string): Promise<void>;
  /** The processes of the two operators, one per slot. */
  readonly operators: OperatorProcess[];
  startOperator(slot: number): Promise<void>;
  /** Makes artifacts unreadable and unwritable. */
  hideStore(): Promise<void>;
  restoreStore(): Promise<void>;
  /** Whether the store denies access to the stages that start from now on: they end with exit 74. */
  denyStore(isDenied: boolean): void;
  /** A number greater than all before. */
  nextRetry(): number;
  /** Containers of one stage that ran concurrently: those of different Jobs, and the number of those of one Job (container-record.ts). */
  readonly overlaps: readonly string[];
  readonly duplicatePods: number;
  /** The number of containers that have started. */
  readonly containers: number;
  stop(): Promise<void>;
};

/** Starts everything. Pods do what `script` returns. */
export async function startSoakWorld(script: (attempt: ScriptedAttempt) => PodScript, random: () => number): Promise<SoakWorld> {
  const controlPlane = await startControlPlane({ audit: true, nodeGraceSeconds: GRACE_SECONDS });
  const ends: (() => Promise<unknown>)[] = [controlPlane.stop];
  const stop = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    return await fill(controlPlane, ends, stop, script, random);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function fill(
  controlPlane: ControlPlane,
  ends: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
  script: (attempt: ScriptedAttempt) => PodScript,
  random: () => number,
): Promise<SoakWorld> {
  const { kubeconfig, folder, auditLog } = controlPlane;
  if (auditLog === undefined) throw new Error('the control plane keeps no audit log');
  const client = await connect({ kubeconfig });
  ends.push(async () => client.close());
  await applyCrd(client);
  const namespace = await freshNamespace(client);

  const record = createContainerRecord();
  let isDenied = false;
  let retries = 0;
  const run = record.around(scripted((pod) => (isDenied ? DENIED : script(attemptOfPod(pod)))));
  const kubelets = new Map<string, ProcessKubelet>();
  const addNode = async (name: string): Promise<void> => {
    // The API server may refuse requests while it is down; that is part of the soak.
    const options = { client, nodes: [{ name, capacity: CAPACITY }], run, onError: () => undefined };
    kubelets.set(name, await startProcessKubelet(options));
  };
  const kubelet = (name: string): ProcessKubelet => {
    const found = kubelets.get(name);
    if (found === undefined) throw new Error(`there is no node ${name}`);
    return found;
  };
  await Promise.all(NODES.map(addNode));
  ends.push(() => Promise.all([...kubelets.values()].map((one) => one.stop())));

  const ending = new AbortController();
  const shared = { client, random, onChange: () => undefined };
  const experiments = createReflector<ExperimentObject, KeptExperiment>({
    ...shared,
    path: resourcePath(EXPERIMENTS, { namespace }),
    keep: keepExperiment,
  });
  const jobs = createReflector<Job, KeptJob>({ ...shared, path: resourcePath(JOBS, { namespace }), keep: keepJob });
  const watching = Promise.all([experiments.run(ending.signal), jobs.run(ending.signal)]);
  ends.push(() => {
    ending.abort();
    return watching;
  });
  await Promise.all([experiments.synced, jobs.synced]);

  const proxy = await startFaultyApiProxy({ kubeconfig, watchSeconds: WATCH_SECONDS });
  ends.push(proxy.close);
  const throughProxy = join(folder, 'proxy.kubeconfig.json');
  await writeFile(throughProxy, JSON.stringify(proxyKubeconfig(proxy.server)));
  const artifacts = join(folder, 'artifacts');
  await mkdir(artifacts);
  const operators: OperatorProcess[] = [];
  const startOperator = async (slot: number): Promise<void> => {
    const logFile = join(folder, `operator-${slot}.log`);
    operators[slot] = await startOperatorProcess({ kubeconfig: throughProxy, artifacts, namespace, logFile });
  };
  await startOperator(0);
  await startOperator(1);
  ends.push(async () => {
    for (const operator of operators) {
      operator.kill('SIGCONT');
      operator.kill('SIGKILL');
    }
  });

  const hidden = `${artifacts}.hidden`;
  return {
    controlPlane: { ...controlPlane, auditLog },
    client,
    namespace,
    proxy,
    experiments,
    jobs,
    nodes: NODES,
    kubelet,
    addNode,
    removeNode: async (name) => {
      await kubelet(name)
        .removeMachine(name)
        .catch(() => undefined);
      await kubelet(name).stop();
    },
    operators,
    startOperator,
    hideStore: async () => {
      await rename(artifacts, hidden);
      // A file at this path prevents writers from creating the folder again.
      await writeFile(artifacts, '');
    },
    restoreStore: async () => {
      await rm(artifacts);
      await rename(hidden, artifacts);
    },
    denyStore: (denied) => {
      isDenied = denied;
    },
    nextRetry: () => {
      retries += 1;
      return retries;
    },
    overlaps: record.overlaps,
    get duplicatePods() {
      return record.duplicatePods();
    },
    get containers() {
      return record.containers();
    },
    stop,
  };
}

function proxyKubeconfig(server: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'proxy', cluster: { server } }],
    users: [{ name: 'anonymous', user: {} }],
    contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'anonymous' } }],
    'current-context': 'proxy',
  };
}
