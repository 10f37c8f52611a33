/**
 * Faults of pods, Jobs, nodes and experiments. Everything is real except the containers. All tests share one control plane and one operator
 * and have an experiment each. They run concurrently, because they mostly wait.
 */
import { expect, it, vi } from 'vitest';
import { crdFaults } from './crd-faults.ts';
import { deletionFaults } from './deletion-faults.ts';
import { exitFaults } from './exit-faults.ts';
import { FAULT_NODES } from './fault-nodes.ts';
import { useFaultWorld } from './fault-world.ts';
import { jobQueueFaults } from './job-queue-faults.ts';
import { nodeFaults } from './node-faults.ts';
import { podFaults } from './pod-faults.ts';
import { recoveryFaults } from './recovery-faults.ts';
import { steeringFaults } from './steering-faults.ts';
import { storeFaults } from './store-faults.ts';

vi.setConfig({ maxConcurrency: 10, testTimeout: 120_000 });

const world = useFaultWorld({
  nodes: FAULT_NODES,
  // Pods of a lost node are evicted after a second, not after five minutes.
  controlPlane: { apiServerFlags: ['--default-unreachable-toleration-seconds=1', '--default-not-ready-toleration-seconds=1'] },
});

// The slowest first: the control plane takes long to declare a node lost.
nodeFaults(world);
exitFaults(world);
podFaults(world);
deletionFaults(world);
steeringFaults(world);
jobQueueFaults(world);
storeFaults(world);
recoveryFaults(world);
crdFaults(world);

it('the operator sends no requests when every experiment has ended', async () => {
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
