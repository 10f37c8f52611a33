/** A real control plane, nodes whose pods follow a script, an artifact folder, and operators that a test starts and stops. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '@carpal/artifacts/open-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { EXPERIMENTS } from '@carpal/configs/names.ts';
import { API_VERSION, KIND } from '@carpal/configs/schema/experiment.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import { type Connection, connect } from '@carpal/kubernetes/api/connect.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { createLogger } from '@carpal/kubernetes/runtime/logger.ts';
import type { ExperimentObject } from '@carpal/operator/controller/experiment-object.ts';
import { createMetrics } from '@carpal/operator/controller/metrics.ts';
import type { OperatorSettings } from '@carpal/operator/controller/operator-settings.ts';
import { type LeasePlace, runOperator } from '@carpal/operator/controller/run-operator.ts';
import { stageSettings } from '@carpal/operator/jobs/stage-settings.ts';
import { afterAll, beforeAll } from 'vitest';
import type { ClusterNode } from '../cluster/cluster-node.ts';
import type { ControlPlaneOptions } from '../cluster/control-plane.ts';
import type { ContainerRunner } from '../cluster/pod-run.ts';
import { type ProcessKubelet, startProcessKubelet } from '../cluster/process-kubelet.ts';
import { type PodScript, scripted } from '../cluster/scripted-pod.ts';
import { applyCrd } from '../cluster/test-objects.ts';
import { useOwnControlPlane } from '../cluster/use-control-plane.ts';
import { waitFor } from '../cluster/wait-for.ts';
import { attemptOfPod, type ScriptedAttempt } from './attempt-objects.ts';

export type WorldOptions = {
  readonly controlPlane?: ControlPlaneOptions;
  /** What an attempt's pod does. Default: it succeeds immediately. Tests can change it through `world().script`. */
  readonly script?: (attempt: ScriptedAttempt) => PodScript;
  /** Runs pods in another way than by script. */
  readonly run?: (client: KubernetesClient) => ContainerRunner;
  readonly gpus?: number;
  /** Default: one node, `gpu-0`. */
  readonly nodes?: readonly ClusterNode[];
};

export type RunningOperator = {
  /** The operator's own connection; `requests()` counts its requests. */
  readonly connection: Connection;
  /** All log lines so far. */
  readonly log: readonly string[];
  /** Stops it as SIGTERM does: it finishes what it has begun. */
  stop(): Promise<void>;
};

export type OperatorOverrides = {
  readonly settings?: Partial<OperatorSettings>;
  /** Wraps the operator's connection, to cut, delay or reject requests. */
  readonly wrap?: (connection: Connection) => Connection;
  readonly store?: ArtifactStore;
  readonly lease?: LeasePlace;
  readonly identity?: string;
  /** A proxy in front of the API server. */
  readonly server?: string;
  /** Default: the administrator's kubeconfig. */
  readonly kubeconfig?: string;
  /** The operator's clock. */
  readonly now?: () => Date;
};

export type OperatorWorld = {
  /** An administrator's client, not the operator's. */
  readonly client: Connection;
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly kubelet: ProcessKubelet;
  readonly store: ArtifactStore;
  readonly controlPlane: ReturnType<ReturnType<typeof useOwnControlPlane>>;
  /** What pods do from now on. */
  script: (attempt: ScriptedAttempt) => PodScript;
  startOperator(overrides?: OperatorOverrides): Promise<RunningOperator>;
  /** Creates an experiment with three folds, by default in the world's namespace. `spec` overrides the default spec. */
  post(name: string, spec?: Readonly<Record<string, unknown>>, namespace?: string): Promise<ExperimentObject>;
  read(name: string, namespace?: string): Promise<ExperimentObject>;
  /** The experiment, once `isSo` returns true for it. */
  until(name: string, isSo: (experiment: ExperimentObject) => boolean, namespace?: string): Promise<ExperimentObject>;
};

/** Whether the condition of this type is True. */
export function hasCondition({ status }: ExperimentObject, type: string): boolean {
  return status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}

const image = 'carpal@sha256:0000000000000000000000000000000000000000000000000000000000000000';

/** For the top of a test file. Everything exists from the first test to the last. */
export function useOperatorWorld(options: WorldOptions = {}): () => OperatorWorld {
  const plane = useOwnControlPlane(options.controlPlane);
  const operators = new Set<RunningOperator>();
  let world: OperatorWorld | undefined;
  let folder = '';

  const startOperator = async (store: ArtifactStore, overrides: OperatorOverrides = {}): Promise<RunningOperator> => {
    const { server, kubeconfig = plane().kubeconfig } = overrides;
    const place = server === undefined ? { kubeconfig } : { server };
    const connection = await connect(place);
    const stopping = new AbortController();
    const log: string[] = [];
    const running = runOperator({
      connection: overrides.wrap?.(connection) ?? connection,
      settings: {
        stages: stageSettings({ image, artifactsUri: store.uri, defaultServiceAccountName: 'default' }),
        workers: 4,
        provenance: { carpal: '0', node: process.version },
        retry: { baseMs: 50, longestMs: 200, healthyAfterMs: 60_000, infrastructure: { baseMs: 50, longestMs: 200 } },
        spacingMs: 20,
        ...overrides.settings,
      },
      store: overrides.store ?? store,
      identity: overrides.identity ?? 'operator',
      ...(overrides.lease === undefined ? {} : { lease: overrides.lease }),
      metrics: createMetrics(),
      log: createLogger({ level: 'debug', destination: { write: (line) => void log.push(line) } }),
      now: overrides.now ?? (() => new Date()),
      random: () => 0.5,
      signal: stopping.signal,
    });
    const operator: RunningOperator = {
      connection,
      log,
      stop: async () => {
        stopping.abort();
        await running;
        connection.close();
        operators.delete(operator);
      },
    };
    operators.add(operator);
    return operator;
  };

  beforeAll(async () => {
    const controlPlane = plane();
    const { client, kubeconfig, namespace } = controlPlane;
    folder = await mkdtemp(join(tmpdir(), 'carpal-world-'));
    await applyCrd(client);
    const store = openStore(folder);
    const script = scripted((pod) => world?.script(attemptOfPod(pod)) ?? {});
    const nodes = options.nodes ?? [
      { name: 'gpu-0', capacity: { 'nvidia.com/gpu': String(options.gpus ?? 8), cpu: '640', memory: '5Ti', pods: '1000' } },
    ];
    const kubelet = await startProcessKubelet({
      client,
      nodes,
      run: options.run?.(client) ?? script,
      imageFault: (name) => (name.includes('missing') ? 'manifest unknown' : undefined),
    });
    const path = (name: string, where = namespace): string => resourcePath(EXPERIMENTS, { namespace: where, name });
    world = {
      client,
      kubeconfig,
      namespace,
      kubelet,
      store,
      controlPlane,
      script: options.script ?? (() => ({})),
      startOperator: (overrides) => startOperator(store, overrides),
      post: (name, spec = {}, where = namespace) =>
        client.request<ExperimentObject>({
          method: 'POST',
          path: resourcePath(EXPERIMENTS, { namespace: where }),
          body: {
            apiVersion: API_VERSION,
            kind: KIND,
            metadata: { name },
            spec: { dataset: { uri: '/data', split: { folds: 3 } }, model: { name: 'UNet' }, ...spec },
          },
        }),
      read: (name, where) => client.request<ExperimentObject>({ method: 'GET', path: path(name, where) }),
      until: (name, isSo, where) => waitFor<ExperimentObject>(client, path(name, where), isSo),
    };
  });
  afterAll(async () => {
    for (const operator of operators) await operator.stop();
    await world?.kubelet.stop();
    await rm(folder, { recursive: true, force: true });
  });
  return () => {
    if (world === undefined) throw new Error('the world is available in tests only');
    return world;
  };
}
