import { LEASES, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { Lease } from '@carpal/kubernetes/runtime/lease.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { waitFor } from '../cluster/wait-for.ts';
import { type FaultyApiProxy, firstCalls, isMutating, startFaultyApiProxy } from '../kubernetes/faulty-api-proxy.ts';
import { type OperatorOverrides, type RunningOperator, useOperatorWorld } from '../operator/operator-world.ts';
import { expectMonotonic, expectUnaffected, hasEnded } from './expect-unaffected.ts';
import { type Follower, followExperiments } from './follow-experiments.ts';

const world = useOperatorWorld({ controlPlane: { audit: true } });
let follower: Follower;
let proxies: { readonly a: FaultyApiProxy; readonly b: FaultyApiProxy };
const operators: RunningOperator[] = [];
let gate: PromiseWithResolvers<void>;
beforeAll(async () => {
  follower = await followExperiments(world().client);
});
afterAll(() => follower.stop());
beforeEach(async () => {
  const { kubeconfig } = world();
  gate = Promise.withResolvers();
  const [a, b] = await Promise.all([startFaultyApiProxy({ kubeconfig }), startFaultyApiProxy({ kubeconfig })]);
  proxies = { a, b };
  world().script = () => ({});
  return async () => {
    gate.resolve();
    const ending = operators.splice(0).map((operator) => operator.stop());
    await Promise.all([a.close(), b.close(), ...ending]);
  };
});

const start = async (identity: 'a' | 'b', lease?: OperatorOverrides['lease']): Promise<RunningOperator> => {
  const overrides = { server: proxies[identity].server, identity, ...(lease === undefined ? {} : { lease }) };
  const operator = await world().startOperator(overrides);
  operators.push(operator);
  return operator;
};

/** Folds train until the gate opens. */
const trainUntilGate = (): void => {
  world().script = ({ stage }) => (stage === 'fold' ? { until: gate.promise } : {});
};
const isTraining = (name: string) =>
  follower.until(name, ({ status }) => status?.folds?.every(({ state }) => state === 'Running') === true);
const leaseOf = (name: string) => ({ namespace: world().namespace, name, leaseMs: 2000, renewMs: 1200, retryMs: 150 });
const untilHeldBy = (name: string, identity: string): Promise<Lease> => {
  const path = resourcePath(LEASES, { namespace: world().namespace, name });
  return waitFor<Lease>(world().client, path, ({ spec }) => spec?.holderIdentity === identity);
};
const mutating = ({ calls }: FaultyApiProxy) => calls.filter((call) => isMutating(call) && call.resource !== 'leases');

describe('two operators that both believe they lead', () => {
  it('create one Job per attempt, use no budget and never revert a status', async () => {
    await start('a');
    await start('b');
    const names = ['both-0', 'both-1', 'both-2'];
    for (const name of names) await world().post(name);
    await expectUnaffected(world(), names);
    for (const name of names) expectMonotonic(follower.versionsOf(name));
    expect(mutating(proxies.a).length + mutating(proxies.b).length).toBeLessThan(80 * names.length);
  });

  it('do no harm when one of them no longer receives changes of Jobs and pods', async () => {
    proxies.a.set(({ verb, resource }) => (verb === 'watch' && resource !== 'segmentationexperiments' ? 'stall' : undefined));
    await start('a');
    await start('b');
    trainUntilGate();
    await world().post('deaf');
    await isTraining('deaf');
    // The other operator has seen the attempts run, so the status now tells the first one.
    await world().client.request({
      method: 'PATCH',
      patch: 'merge',
      path: `/apis/carpal.dev/v1alpha1/namespaces/${world().namespace}/segmentationexperiments/deaf`,
      body: { metadata: { labels: { touched: 'yes' } } },
    });
    gate.resolve();
    await expectUnaffected(world(), ['deaf']);
    expectMonotonic(follower.versionsOf('deaf'));
  });
});

describe('a leader that loses its Lease', () => {
  it('sends nothing more once another may lead, and a request that was on its way does no harm', async () => {
    const place = leaseOf('held-back');
    const held = Promise.withResolvers<void>();
    const isStatusWrite = firstCalls(1, ({ resource }) => resource === 'segmentationexperiments/status', { until: held.promise });
    proxies.a.set((call) => (call.resource === 'leases' && call.verb === 'update' ? 'stall' : isStatusWrite(call)));
    await start('a', place);
    await untilHeldBy(place.name, 'a');
    await start('b', place);
    await world().post('late');
    await untilHeldBy(place.name, 'b');
    await follower.until('late', hasEnded);
    held.resolve();
    const { length } = mutating(proxies.a);
    expect(length).toBe(1);
    await world().post('after');
    await expectUnaffected(world(), ['late', 'after']);
    expectMonotonic(follower.versionsOf('late'));
    expect(mutating(proxies.a).length).toBe(1);
  });

  it('does not continue a step that it had begun', async () => {
    const place = leaseOf('in-the-middle');
    const held = Promise.withResolvers<void>();
    const isFirstJob = firstCalls(1, ({ verb, resource }) => verb === 'create' && resource === 'configmaps', { until: held.promise });
    await start('a', place);
    await untilHeldBy(place.name, 'a');
    proxies.a.set((call) => (call.resource === 'leases' ? 'stall' : isFirstJob(call)));
    await world().post('middle');
    await start('b', place);
    await untilHeldBy(place.name, 'b');
    held.resolve();
    await expectUnaffected(world(), ['middle']);
    expectMonotonic(follower.versionsOf('middle'));
    expect(mutating(proxies.a).filter(({ resource }) => resource === 'jobs')).toEqual([]);
  });

  it('is followed by the waiting replica, and leads again when that one stops', async () => {
    const place = leaseOf('turns');
    await start('a', place);
    await untilHeldBy(place.name, 'a');
    const b = await start('b', place);
    trainUntilGate();
    await world().post('turns');
    await isTraining('turns');
    // Its network is cut: its requests are accepted, and no answer comes.
    proxies.a.set(() => 'stall');
    proxies.a.stallWatches();
    await untilHeldBy(place.name, 'b');
    gate.resolve();
    await expectUnaffected(world(), ['turns']);
    proxies.a.set();
    // It releases the Lease when it stops, so that no replica has to wait for the expiry.
    await b.stop();
    await untilHeldBy(place.name, 'a');
    await world().post('back');
    await expectUnaffected(world(), ['back']);
    for (const name of ['turns', 'back']) expectMonotonic(follower.versionsOf(name));
  });
});
