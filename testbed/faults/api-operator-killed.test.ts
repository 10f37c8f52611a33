import { EXPERIMENTS, experimentKey } from '@carpal/configs/names.ts';
import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesRequest, WatchRequest } from '@carpal/kubernetes/api/client.ts';
import type { Connection } from '@carpal/kubernetes/api/connect.ts';
import type { Job, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { ExperimentObject } from '@carpal/operator/controller/experiment-object.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PodScript } from '../cluster/scripted-pod.ts';
import { freshNamespace } from '../cluster/test-objects.ts';
import type { ScriptedAttempt } from '../operator/attempt-objects.ts';
import { hasCondition, useOperatorWorld } from '../operator/operator-world.ts';
import { jobsCreated } from './expect-unaffected.ts';
import { type Follower, followExperiments } from './follow-experiments.ts';

const world = useOperatorWorld({ controlPlane: { audit: true }, gpus: 200, script: (attempt) => script(attempt) });
const SMALL = { dataset: { uri: '/data', split: { folds: 2 } }, placement: { gpus: 1, cpu: '1', memory: '1Gi' } };

let follower: Follower;
beforeAll(async () => {
  follower = await followExperiments(world().client);
});
afterAll(() => follower.stop());

/** The number of the mutating request, from 1. `after`: the server has carried it out, but the operator gets no answer. */
type KillPoint = { readonly request: number; readonly moment: 'before' | 'after' };

type KillableConnection = Connection & {
  /** Resolves with the request at which it was killed. */
  readonly killed: Promise<string>;
  /** From now on it sends and receives nothing. */
  kill(): void;
  /** The number of mutating requests so far. */
  readonly mutations: number;
};

/** A connection that is killed at this request. Requests after that fail without reaching the server. */
function killable(connection: Connection, killPoint: KillPoint): KillableConnection {
  const end = new AbortController();
  const { promise: killed, resolve } = Promise.withResolvers<string>();
  let mutations = 0;
  const gone = (what: string): ApiError => new ApiError(0, 'NoAnswer', `${what}: this operator has been killed`);
  const kill = (what: string): void => {
    end.abort();
    resolve(what);
  };

  const request = async <Answer>(asked: KubernetesRequest): Promise<Answer> => {
    const what = `${asked.method} ${asked.path}`;
    if (end.signal.aborted) throw gone(what);
    if (asked.method !== 'GET') mutations += 1;
    const isLast = asked.method !== 'GET' && mutations === killPoint.request;
    if (isLast && killPoint.moment === 'before') kill(what);
    if (end.signal.aborted) throw gone(what);
    const answer = await connection.request<Answer>(asked);
    if (isLast) kill(what);
    if (end.signal.aborted) throw gone(what);
    return answer;
  };

  async function* watch<Event>(asked: WatchRequest): AsyncGenerator<Event, void, undefined> {
    for await (const event of connection.watch<Event>({ ...asked, signal: AbortSignal.any([asked.signal, end.signal]) })) {
      if (end.signal.aborted) break;
      yield event;
    }
    if (end.signal.aborted) throw gone(`WATCH ${asked.path}`);
  }

  return {
    ...connection,
    request,
    watch,
    killed,
    kill: () => kill('by the test'),
    get mutations() {
      return mutations;
    },
  };
}

type RunWithKill = { readonly name: string; readonly namespace: string; readonly killedAt: string | undefined; readonly mutations: number };

/** Folds run until they are stopped; after that, fold 1 fails once, and everything else succeeds. */
const script = ({ stage, attempt, fold }: ScriptedAttempt): PodScript => {
  if (stage !== 'fold') return {};
  if (attempt === 1) return { until: new Promise(() => undefined) };
  return fold === 1 && attempt === 2 ? { exitCode: 1, message: 'loss is NaN' } : {};
};

const change = async (name: string, namespace: string, run: object): Promise<void> => {
  const path = resourcePath(EXPERIMENTS, { namespace, name });
  await world().client.request({ method: 'PATCH', path, body: { spec: { run } } });
};

const foldStates = ({ status }: ExperimentObject): readonly string[] => status?.folds.map(({ state }) => state) ?? [];
/** The status names the artifacts until they are gone: an operator that is killed between these two writes has not removed them. */
const isRemoved = ({ status }: ExperimentObject): boolean => status?.artifactsRemovedAt !== undefined && status.artifacts === undefined;

/** A whole life: training, suspension, a failure for good, a retry, the end, and the removal of Jobs and artifacts. */
async function live(name: string, namespace: string): Promise<void> {
  await world().post(name, { ...SMALL, run: { maxFailures: 0, ttlRemovesArtifacts: true } }, namespace);
  await follower.until(name, (seen) => foldStates(seen).join() === 'Running,Running');
  await change(name, namespace, { suspend: true });
  await follower.until(name, (seen) => seen.status?.state === 'Suspended' && foldStates(seen).join() === 'Stopped,Stopped');
  await change(name, namespace, { suspend: false });
  await follower.until(name, (seen) => hasCondition(seen, 'Failed'));
  await change(name, namespace, { retry: 1 });
  await follower.until(name, (seen) => hasCondition(seen, 'Complete'));
  await change(name, namespace, { ttlAfterFinished: '0s' });
  await follower.until(name, isRemoved);
}

/** A whole life whose first operator is killed at this point. */
async function runWithKill(name: string, killPoint: KillPoint): Promise<RunWithKill> {
  const namespace = await freshNamespace(world().client);
  const settings = { watchNamespace: namespace };
  let connection: KillableConnection | undefined;
  const wrap = (real: Parameters<typeof killable>[0]): KillableConnection => {
    connection = killable(real, killPoint);
    return connection;
  };
  const first = await world().startOperator({ settings, wrap });
  const ended = live(name, namespace);
  const killedAt = await Promise.race([connection?.killed, ended.then(() => undefined)]);
  // Its process is gone: whatever it still does, nothing reaches the server.
  if (killedAt !== undefined) connection?.kill();
  const stopped = first.stop();
  const second = await world().startOperator({ settings });
  await ended;
  await Promise.all([stopped, second.stop()]);
  return { name, namespace, killedAt, mutations: connection?.mutations ?? 0 };
}

/** What must be true after such a life, wherever an operator was killed. */
async function expectWholeLife({ name, namespace }: RunWithKill, created: ReadonlyMap<string, readonly string[]>): Promise<void> {
  const { metadata, status } = await world().read(name, namespace);
  const counts = status?.folds.map(({ state, attempts, failures, disruptions }) => [state, attempts, failures, disruptions]);
  expect({ name, state: status?.state, counts }).toEqual({
    name,
    state: 'Complete',
    counts: [
      ['Succeeded', 2, 0, 0],
      ['Succeeded', 3, 0, 0],
    ],
  });
  const attempts = ['prepare-1', 'fold-0-1', 'fold-0-2', 'fold-1-1', 'fold-1-2', 'fold-1-3', 'ensemble-1'];
  expect(created.get(`${namespace}/${name}`)?.toSorted()).toEqual(attempts.map((attempt) => `${name}-${attempt}`).toSorted());
  const key = experimentKey({ metadata: { ...metadata, namespace } });
  expect(await world().store.list(key), key).toEqual([]);
  const { items } = await world().client.request<ObjectList<Job>>({ method: 'GET', path: resourcePath(JOBS, { namespace }) });
  expect(items.map((job) => job.metadata.name)).toEqual([]);
}

/** So many operators at a time. */
const AT_ONCE = 20;

async function inBatches(points: readonly KillPoint[]): Promise<readonly RunWithKill[]> {
  const outcomes: RunWithKill[] = [];
  for (let start = 0; start < points.length; start += AT_ONCE) {
    const batch = points.slice(start, start + AT_ONCE);
    outcomes.push(...(await Promise.all(batch.map((point) => runWithKill(`${point.moment}-${point.request}`, point)))));
  }
  return outcomes;
}

let mutations = 0;

describe('an operator that is killed', { timeout: 240_000 }, () => {
  it('is not killed in a life without faults, which shows how many requests there are', async () => {
    const whole = await runWithKill('whole', { request: Number.POSITIVE_INFINITY, moment: 'before' });
    expect(whole.killedAt).toBeUndefined();
    await expectWholeLife(whole, await jobsCreated(world()));
    mutations = whole.mutations;
    expect(mutations).toBeGreaterThan(30);
    expect(mutations).toBeLessThan(90);
  });

  it.each(['before', 'after'] as const)(
    'just %s any request of a life with suspension, failure, retry and removal is replaced by the next operator, without harm',
    async (moment) => {
      const outcomes = await inBatches(Array.from({ length: mutations }, (_, index) => ({ request: index + 1, moment })));
      const created = await jobsCreated(world());
      for (const outcome of outcomes) await expectWholeLife(outcome, created);
      const killed = outcomes.flatMap(({ killedAt }) => killedAt ?? []);
      const verbs = new Set(
        killed.map((request) => `${request.split(' ')[0]} ${request.match(/\/(status|configmaps|jobs|events)(\/|$)/)?.[1]}`),
      );
      expect([...verbs]).toEqual(expect.arrayContaining(['PATCH status', 'POST configmaps', 'POST jobs', 'DELETE jobs', 'POST events']));
      // A life takes fewer requests if folds end together.
      expect(killed.length).toBeGreaterThan(mutations / 2);
    },
  );
});
