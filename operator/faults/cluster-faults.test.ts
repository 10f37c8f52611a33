/**
 * The fault suite, as far as it is about what happens to pods, Jobs, nodes and experiments: everything real but the containers. One control
 * plane and one operator for all, each test with an experiment of its own; many at once, since most of the time of each is waiting.
 */
import { vi } from 'vitest';
import { exitFaults } from './exit-faults.ts';
import { FAULT_NODES } from './fault-nodes.ts';
import { useFaultWorld } from './fault-world.ts';
import { podFaults } from './pod-faults.ts';

vi.setConfig({ maxConcurrency: 10, testTimeout: 120_000 });

const world = useFaultWorld({ nodes: FAULT_NODES });

exitFaults(world);
podFaults(world);
