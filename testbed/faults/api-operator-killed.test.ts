import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshNamespace } from '../cluster/fresh-namespace.ts';
import { useOperatorWorld } from '../operator/operator-world.ts';
import { expectUnharmed, hasEnded } from './expect-unharmed.ts';
import { type Follower, followExperiments } from './follow-experiments.ts';
import { type Death, type MortalConnection, mortal } from './mortal-connection.ts';

const world = useOperatorWorld({ controlPlane: { audit: true }, gpus: 200 });
const SMALL = { dataset: { uri: '/data', split: { folds: 2 } }, placement: { gpus: 1, cpu: '1', memory: '1Gi' } };

let follower: Follower;
beforeAll(async () => {
  follower = await followExperiments(world().client);
});
afterAll(() => follower.stop());

type Life = { readonly name: string; readonly namespace: string; readonly diedAt: string | undefined; readonly mutations: number };

/** One life of an experiment whose first operator dies as told. */
async function live(name: string, death: Death): Promise<Life> {
  const namespace = await freshNamespace(world().client);
  const settings = { watchNamespace: namespace };
  let connection: MortalConnection | undefined;
  const wrap = (real: Parameters<typeof mortal>[0]): MortalConnection => {
    connection = mortal(real, death);
    return connection;
  };
  const first = await world().startOperator({ settings, wrap });
  await world().post(name, SMALL, namespace);
  const ended = follower.until(name, hasEnded);
  const diedAt = await Promise.race([connection?.died, ended.then(() => undefined)]);
  // Its process is gone: nothing of it gets out any more, whatever it still does.
  if (diedAt !== undefined) connection?.die();
  const burial = first.stop();
  const second = await world().startOperator({ settings });
  await ended;
  await Promise.all([burial, second.stop()]);
  return { name, namespace, diedAt, mutations: connection?.mutations ?? 0 };
}

let mutations = 0;

describe('an operator that is killed', { timeout: 120_000 }, () => {
  it('is none in a life without faults, which tells how many steps there are to die at', async () => {
    const whole = await live('whole', { request: Number.POSITIVE_INFINITY, moment: 'before' });
    expect(whole.diedAt).toBeUndefined();
    mutations = whole.mutations;
    expect(mutations).toBeGreaterThan(10);
    expect(mutations).toBeLessThan(40);
  });

  it.each(['before', 'after'] as const)('just %s any request of an experiment’s life is made good by the next', async (moment) => {
    const steps = Array.from({ length: mutations }, (_, index) => index + 1);
    const lives = await Promise.all(steps.map((request) => live(`${moment}-${request}`, { request, moment })));
    const namespaces = new Map(lives.map(({ name, namespace }) => [name, namespace]));
    await expectUnharmed(world(), [...namespaces.keys()], (name) => namespaces.get(name) ?? '');
    const killed = lives.flatMap(({ diedAt }) => diedAt ?? []);
    const kinds = new Set(killed.map((request) => request.split('/').at(-1)));
    expect(kinds).toEqual(new Set(['status', 'configmaps', 'jobs', 'events']));
    // Where folds end together a life takes fewer requests.
    expect(killed.length).toBeGreaterThan(mutations / 2);
  });
});
