import { ApiError } from '@carpal/kubernetes/api/api-error.ts';
import type { KubernetesRequest, WatchRequest } from '@carpal/kubernetes/api/client.ts';
import type { Connection } from '@carpal/kubernetes/api/connect.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshNamespace } from '../cluster/test-objects.ts';
import { useOperatorWorld } from '../operator/operator-world.ts';
import { expectUnaffected, hasEnded } from './expect-unaffected.ts';
import { type Follower, followExperiments } from './follow-experiments.ts';

const world = useOperatorWorld({ controlPlane: { audit: true }, gpus: 200 });
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

/** One run of an experiment whose first operator is killed at this point. */
async function runWithKill(name: string, killPoint: KillPoint): Promise<RunWithKill> {
  const namespace = await freshNamespace(world().client);
  const settings = { watchNamespace: namespace };
  let connection: KillableConnection | undefined;
  const wrap = (real: Parameters<typeof killable>[0]): KillableConnection => {
    connection = killable(real, killPoint);
    return connection;
  };
  const first = await world().startOperator({ settings, wrap });
  await world().post(name, SMALL, namespace);
  const ended = follower.until(name, hasEnded);
  const killedAt = await Promise.race([connection?.killed, ended.then(() => undefined)]);
  // Its process is gone: whatever it still does, nothing reaches the server.
  if (killedAt !== undefined) connection?.kill();
  const stopped = first.stop();
  const second = await world().startOperator({ settings });
  await ended;
  await Promise.all([stopped, second.stop()]);
  return { name, namespace, killedAt, mutations: connection?.mutations ?? 0 };
}

let mutations = 0;

describe('an operator that is killed', { timeout: 120_000 }, () => {
  it('is not killed in a run without faults, which shows how many requests there are', async () => {
    const whole = await runWithKill('whole', { request: Number.POSITIVE_INFINITY, moment: 'before' });
    expect(whole.killedAt).toBeUndefined();
    mutations = whole.mutations;
    expect(mutations).toBeGreaterThan(10);
    expect(mutations).toBeLessThan(40);
  });

  it.each(['before', 'after'] as const)('just %s any request of a run is replaced by the next operator, without harm', async (moment) => {
    const steps = Array.from({ length: mutations }, (_, index) => index + 1);
    const outcomes = await Promise.all(steps.map((request) => runWithKill(`${moment}-${request}`, { request, moment })));
    const namespaces = new Map(outcomes.map(({ name, namespace }) => [name, namespace]));
    await expectUnaffected(world(), [...namespaces.keys()], (name) => namespaces.get(name) ?? '');
    const killed = outcomes.flatMap(({ killedAt }) => killedAt ?? []);
    const kinds = new Set(killed.map((request) => request.split('/').at(-1)));
    expect(kinds).toEqual(new Set(['status', 'configmaps', 'jobs', 'events']));
    // A run takes fewer requests if folds end together.
    expect(killed.length).toBeGreaterThan(mutations / 2);
  });
});
