/**
 * Experiments in the queues of a real Kueue. Everything is real except the containers. Each test has a queue and experiments of its own; they
 * run concurrently, because they mostly wait.
 */
import { vi } from 'vitest';
import { useKueueWorld } from './kueue-world.ts';
import { queueAdmission } from './queue-admission.ts';
import { queueEvictions } from './queue-evictions.ts';

vi.setConfig({ maxConcurrency: 16, testTimeout: 120_000 });

const world = useKueueWorld();

queueEvictions(world);
queueAdmission(world);
