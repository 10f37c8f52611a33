/**
 * The fault suite, as far as it is about what happens to pods, Jobs, nodes and experiments: everything real but the containers. One control
 * plane and one operator for all, each test with an experiment of its own; many at once, since most of the time of each is waiting.
 */
import { expect, it, vi } from 'vitest';
import { crdFaults } from './crd-faults.ts';
import { deletionFaults } from './deletion-faults.ts';
import { exitFaults } from './exit-faults.ts';
import { FAULT_NODES } from './fault-nodes.ts';
import { useFaultWorld } from './fault-world.ts';
import { nodeFaults } from './node-faults.ts';
import { podFaults } from './pod-faults.ts';
import { steeringFaults } from './steering-faults.ts';
import { storeFaults } from './store-faults.ts';

vi.setConfig({ maxConcurrency: 10, testTimeout: 120_000 });

const world = useFaultWorld({
  nodes: FAULT_NODES,
  // A pod of a node that is gone is given up after a second, not after five minutes.
  controlPlane: { apiServerFlags: ['--default-unreachable-toleration-seconds=1', '--default-not-ready-toleration-seconds=1'] },
});

// The slowest first: the control plane takes its time to give a node up.
nodeFaults(world);
exitFaults(world);
podFaults(world);
deletionFaults(world);
steeringFaults(world);
storeFaults(world);
crdFaults(world);

it('the operator asks for nothing when every experiment has ended', async () => {
  const asked = (): number =>
    world()
      .operator.connection.requests()
      .filter(({ verb }) => verb !== 'watch')
      .reduce((sum, { count }) => sum + count, 0);
  let last = { count: asked(), sinceMs: performance.now() };
  const quiet = (): void => {
    if (asked() !== last.count) last = { count: asked(), sinceMs: performance.now() };
    expect(performance.now() - last.sinceMs).toBeGreaterThan(1000);
  };
  await vi.waitFor(quiet, { timeout: 20_000, interval: 100 });
});
