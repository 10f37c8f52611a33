/** One operator on a real control plane. All its requests and all runs of containers are recorded. */

import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { EXPERIMENTS, LABEL } from '@carpal/configs/names.ts';
import type { KubernetesRequest } from '@carpal/kubernetes/api/client.ts';
import type { Connection } from '@carpal/kubernetes/api/connect.ts';
import type { Job, KubernetesObject } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { createReflector } from '@carpal/kubernetes/runtime/reflector.ts';
import type { Reflector } from '@carpal/kubernetes/runtime/reflector-types.ts';
import type { ExperimentObject } from '@carpal/operator/controller/experiment-object.ts';
import { afterAll, beforeAll } from 'vitest';
import type { ClusterNode } from '../cluster/cluster-node.ts';
import type { ControlPlaneOptions } from '../cluster/control-plane.ts';
import type { KubeletPod, PodEnd } from '../cluster/kubelet-pod.ts';
import type { ContainerRunner } from '../cluster/pod-run.ts';
import { type PodScript, scripted } from '../cluster/scripted-pod.ts';
import { attemptOfPod, type ScriptedAttempt } from '../operator/attempt-objects.ts';
import { type OperatorWorld, type RunningOperator, useOperatorWorld } from '../operator/operator-world.ts';

/** One run of a container, as its node knows it. */
export type ContainerRun = ScriptedAttempt & {
  readonly experimentUid: string;
  readonly pod: string;
  readonly node: string;
  startedMs?: number;
  endedMs?: number;
  end?: PodEnd;
};

/** A request of the operator and the names that it is about. `done`: the API server has accepted it. */
export type RecordedCall = Pick<KubernetesRequest, 'method' | 'path' | 'body'> & {
  readonly about: readonly string[];
  readonly atMs: number;
  done: boolean;
};

export type Script = (attempt: ScriptedAttempt, pod: KubeletPod) => PodScript;
export type Spec = Readonly<Record<string, unknown>>;

export type FaultWorld = OperatorWorld & {
  readonly operator: RunningOperator;
  /** The current objects, kept up to date by the test's own watches. */
  readonly jobs: Reflector<Job, Job>;
  readonly pods: Reflector<KubeletPod, KubeletPod>;
  readonly runs: readonly ContainerRun[];
  readonly calls: readonly RecordedCall[];
  /** The store fails for keys that contain this text, until `restore` is called. */
  failStore(text: string): { restore(): void };
  /** The pods with this name in the label of the experiment follow the script. Pods without a script succeed immediately. */
  follow(name: string, script: Script): void;
  /** Creates an experiment whose pods follow the script. */
  begin(name: string, spec?: Spec, script?: Script): Promise<ExperimentObject>;
  /** Patches the experiment's spec. */
  change(name: string, spec: Spec): Promise<ExperimentObject>;
  /** Waits until `look` finds something. It looks at every change of the cluster, and at intervals for changes elsewhere. */
  eventually<Found>(what: string, look: () => Found | undefined | false): Promise<Found>;
  /** Waits until no experiment has this name. */
  untilNone(name: string): Promise<void>;
};

const LONGEST_MS = 100_000;
const LOOK_MS = 300;

/** For the top of a test file. */
export function useFaultWorld(options: {
  readonly nodes: readonly ClusterNode[];
  readonly controlPlane?: ControlPlaneOptions;
}): () => FaultWorld {
  const runs: ContainerRun[] = [];
  const calls: RecordedCall[] = [];
  const scripts = new Map<string, Script>();
  const away = new Set<string>();
  const waiting = new Set<() => void>();
  const ending = new AbortController();
  const scriptOf = (pod: KubeletPod): PodScript => {
    const attempt = attemptOfPod(pod);
    return scripts.get(attempt.experiment)?.(attempt, pod) ?? {};
  };
  const base = useOperatorWorld({ ...options, run: () => recordRuns(scripted(scriptOf), runs) });
  let world: FaultWorld | undefined;
  let watching: readonly Promise<void>[] = [];

  beforeAll(async () => {
    const plane = base();
    const { client, namespace } = plane;
    const operator = await plane.startOperator({
      settings: { watchNamespace: namespace },
      store: failingStore(plane.store, away),
      wrap: (connection) => recordCalls(connection, calls),
    });
    const reflect = <Item extends KubernetesObject>(path: string): Reflector<Item, Item> =>
      createReflector<Item, Item>({
        client,
        path,
        keep: (item) => item,
        random: () => 0.5,
        onChange: () => {
          for (const look of waiting) look();
        },
      });
    const experiments = reflect<ExperimentObject>(resourcePath(EXPERIMENTS, { namespace }));
    const jobs = reflect<Job>(resourcePath(JOBS, { namespace }));
    const pods = reflect<KubeletPod>(resourcePath(PODS, { namespace }));
    watching = [experiments, jobs, pods].map((reflector) => reflector.run(ending.signal));

    const eventually = <Found>(what: string, look: () => Found | undefined | false): Promise<Found> =>
      new Promise((resolve, reject) => {
        const stop = (): void => {
          clearTimeout(timer);
          clearInterval(nowAndThen);
          waiting.delete(tryIt);
        };
        const tryIt = (): void => {
          const found = look();
          if (found === undefined || found === false) return;
          stop();
          resolve(found);
        };
        const timer = setTimeout(() => {
          stop();
          reject(new Error(`timed out waiting for ${what}`));
        }, LONGEST_MS);
        const nowAndThen = setInterval(tryIt, LOOK_MS);
        waiting.add(tryIt);
        tryIt();
      });
    world = {
      ...plane,
      operator,
      jobs,
      pods,
      runs,
      calls,
      failStore: (text) => {
        away.add(text);
        return { restore: () => void away.delete(text) };
      },
      follow: (name, script) => void scripts.set(name, script),
      begin: async (name, spec = {}, script = () => ({})) => {
        scripts.set(name, script);
        return await plane.post(name, spec);
      },
      change: (name, spec) =>
        client.request<ExperimentObject>({ method: 'PATCH', path: resourcePath(EXPERIMENTS, { namespace, name }), body: { spec } }),
      until: async (name, isSo) => {
        const seen = (): ExperimentObject | undefined => experiments.get(`${namespace}/${name}`);
        const describe = (): string => JSON.stringify(seen()?.status);
        return await eventually(`experiment ${name}`, () => {
          const experiment = seen();
          return experiment !== undefined && isSo(experiment) && experiment;
        }).catch((error: unknown) => {
          throw new Error(`${String(error)}; last status: ${describe()}`);
        });
      },
      eventually,
      untilNone: async (name) => {
        await eventually(`experiment ${name} to disappear`, () => experiments.get(`${namespace}/${name}`) === undefined);
      },
    };
  });
  afterAll(async () => {
    ending.abort();
    await Promise.all(watching);
  });
  return () => {
    if (world === undefined) throw new Error('the world is available in tests only');
    return world;
  };
}

/** Runs pods with `play` and adds each container's run to `runs`. */
export function recordRuns(play: ContainerRunner, runs: ContainerRun[]): ContainerRunner {
  return async (pod, control) => {
    const experimentUid = pod.metadata.labels?.[LABEL.experimentUid] ?? '';
    const run: ContainerRun = { ...attemptOfPod(pod), experimentUid, pod: pod.metadata.uid, node: pod.spec.nodeName ?? '' };
    runs.push(run);
    const started = async (): Promise<void> => {
      run.startedMs = performance.now();
      await control.started();
    };
    const end = await play(pod, { ...control, started });
    run.endedMs = performance.now();
    run.end = end;
    return end;
  };
}

function namesIn(path: string, body: unknown): readonly string[] {
  const { metadata, regarding } = (body ?? {}) as { metadata?: { name?: string }; regarding?: { name?: string } };
  return [...path.split('/'), metadata?.name, regarding?.name].filter((name) => name !== undefined);
}

function recordCalls(connection: Connection, calls: RecordedCall[]): Connection {
  return {
    ...connection,
    request: async (request) => {
      const { method, path, body } = request;
      const call: RecordedCall = { method, path, body, about: namesIn(path, body), atMs: performance.now(), done: false };
      calls.push(call);
      const answer = await connection.request(request);
      call.done = true;
      return answer as never;
    },
  };
}

function failingStore(store: ArtifactStore, away: ReadonlySet<string>): ArtifactStore {
  const ask = async <Answer>(key: string, answer: () => Promise<Answer>): Promise<Answer> => {
    if ([...away].some((text) => key.includes(text))) throw new Error('the artifact store does not answer');
    return await answer();
  };
  return {
    ...store,
    read: (key) => ask(key, () => store.read(key)),
    readIfPresent: (key, limit) => ask(key, () => store.readIfPresent(key, limit)),
    readIfChanged: (key, tag, limit) => ask(key, () => store.readIfChanged(key, tag, limit)),
    write: (key, content) => ask(key, () => store.write(key, content)),
    writeIfUnchanged: (key, content, tag) => ask(key, () => store.writeIfUnchanged(key, content, tag)),
    list: (prefix) => ask(prefix, () => store.list(prefix)),
    remove: (prefix) => ask(prefix, () => store.remove(prefix)),
  };
}
