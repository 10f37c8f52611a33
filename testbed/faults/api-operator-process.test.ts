import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LEASES, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { Lease } from '@carpal/kubernetes/runtime/lease.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Child, startChild } from '../cluster/child-process.ts';
import { freshNamespace } from '../cluster/test-objects.ts';
import { waitFor } from '../cluster/wait-for.ts';
import type { OperatorProcessOptions } from '../operator/operator-process/main.ts';
import { useOperatorWorld } from '../operator/operator-world.ts';
import { expectMonotonic, expectUnaffected, hasEnded } from './expect-unaffected.ts';
import { type Follower, followExperiments } from './follow-experiments.ts';

const CARPAL = fileURLToPath(new URL('../../carpal', import.meta.url));
const MAIN = fileURLToPath(new URL('../operator/operator-process/main.ts', import.meta.url));
const IMAGE = `carpal@sha256:${'0'.repeat(64)}`;
const LEASE = 'carpal-operator';

const world = useOperatorWorld({ controlPlane: { audit: true } });
let follower: Follower;
let gate: PromiseWithResolvers<void>;
beforeAll(async () => {
  follower = await followExperiments(world().client);
});
afterAll(() => follower.stop());
beforeEach(() => {
  gate = Promise.withResolvers();
  world().script = ({ stage }) => (stage === 'fold' ? { until: gate.promise } : {});
});

/** Starts a program that ends with this process at the latest. */
async function start(name: string, program: string, args: readonly string[]): Promise<Child> {
  return startChild({ program, args, logFile: join(world().controlPlane.folder, `${name}.log`) });
}
const startCommand = (name: string, namespace: string, ...more: readonly string[]): Promise<Child> => {
  const { kubeconfig, store, namespace: leases } = world();
  const places = ['--kubeconfig', kubeconfig, '--artifacts', store.uri, '--image', IMAGE, '--namespace', leases];
  const others = ['--watch-namespace', namespace, '--service-account', 'default', '--port', '0', ...more];
  return start(name, CARPAL, ['operator', ...places, ...others]);
};
const startProcess = (identity: string, namespace: string): Promise<Child> => {
  const { kubeconfig, store } = world();
  const lease = { namespace, name: LEASE, leaseMs: 2000, renewMs: 1200, retryMs: 150 };
  const options: OperatorProcessOptions = { kubeconfig, artifacts: store.uri, image: IMAGE, identity, watchNamespace: namespace, lease };
  return start(identity, process.execPath, [MAIN, JSON.stringify(options)]);
};
const untilHeldBy = (namespace: string, isHolder: (identity: string) => boolean, name = LEASE): Promise<Lease> =>
  waitFor<Lease>(world().client, resourcePath(LEASES, { namespace, name }), ({ spec }) => isHolder(spec?.holderIdentity ?? ''));
const untilTraining = (name: string) =>
  follower.until(name, ({ status }) => status?.folds?.every(({ state }) => state === 'Running') === true);

describe('carpal operator', () => {
  it('finishes an experiment after SIGKILL and a restart during training, and releases the Lease on SIGTERM', async () => {
    const namespace = await freshNamespace(world().client);
    const first = await startCommand('first', namespace, '--no-leader-election');
    await world().post('killed', {}, namespace);
    await untilTraining('killed');
    first.kill('SIGKILL');
    await first.ended;
    gate.resolve();
    const second = await startCommand('second', namespace);
    await follower.until('killed', hasEnded);
    await expectUnaffected(world(), ['killed'], () => namespace);
    expectMonotonic(follower.versionsOf('killed'));
    const { namespace: leases } = world();
    await untilHeldBy(leases, (identity) => identity !== '', `${LEASE}-${namespace}`);
    second.terminate();
    expect(await second.ended).toEqual({ code: 0, signal: null });
    await untilHeldBy(leases, (identity) => identity === '', `${LEASE}-${namespace}`);
  });

  it('leads for one namespace while another leads for a second one, with both Leases in the same namespace', async () => {
    const namespaces = await Promise.all([freshNamespace(world().client), freshNamespace(world().client)]);
    const operators = await Promise.all(namespaces.map((namespace, index) => startCommand(`of-${index}`, namespace)));
    gate.resolve();
    await Promise.all(namespaces.map((namespace, index) => world().post(`mine-${index}`, {}, namespace)));
    await expectUnaffected(world(), ['mine-0', 'mine-1'], (name) => namespaces[name === 'mine-0' ? 0 : 1] ?? '');
    for (const operator of operators) operator.terminate();
    for (const operator of operators) expect(await operator.ended).toEqual({ code: 0, signal: null });
  });
});

describe('a leader whose process is frozen in the middle of its work', () => {
  it('resumes next to its successor, does no harm, and leads again when the successor is gone', async () => {
    const namespace = await freshNamespace(world().client);
    const a = await startProcess('a', namespace);
    await untilHeldBy(namespace, (identity) => identity === 'a');
    const b = await startProcess('b', namespace);
    await world().post('frozen', {}, namespace);
    await follower.until('frozen', ({ status }) => status !== undefined);
    a.kill('SIGSTOP');
    await untilHeldBy(namespace, (identity) => identity === 'b');
    a.kill('SIGCONT');
    await untilTraining('frozen');
    gate.resolve();
    await expectUnaffected(world(), ['frozen'], () => namespace);
    expectMonotonic(follower.versionsOf('frozen'));

    b.kill('SIGKILL');
    await untilHeldBy(namespace, (identity) => identity === 'a');
    await world().post('thawed', {}, namespace);
    await expectUnaffected(world(), ['thawed'], () => namespace);
    a.terminate();
    expect(await a.ended).toEqual({ code: 0, signal: null });
  });
});
