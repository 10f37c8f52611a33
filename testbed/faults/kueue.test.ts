/**
 * Experiments in the queues of a real Kueue. Everything is real except the containers. Each test has a queue and experiments of its own; they
 * run concurrently, because they mostly wait.
 */
import { expect, it, vi } from 'vitest';
import { expectCorrectEnd } from './expect-correct-end.ts';
import { oneFold, useKueueWorld } from './kueue-world.ts';
import { queueAdmission } from './queue-admission.ts';
import { queueEvictions } from './queue-evictions.ts';

vi.setConfig({ maxConcurrency: 16, testTimeout: 120_000 });

const world = useKueueWorld();

queueEvictions(world);
queueAdmission(world);

// After all others, because none of their Jobs can be created meanwhile.
it('while Kueue is down, an experiment is held with the reason, and it begins when Kueue is back', async () => {
  await world().addQueue('patient');
  await world().withoutKueue(async () => {
    await world().begin('early', oneFold('patient'));
    const { status } = await world().until('early', (seen) => seen.status?.prepare?.reason === 'StageDenied');
    expect(status?.prepare.message).toMatch(/failed calling webhook/);
  });
  await expectCorrectEnd(world(), 'early', { state: 'Complete', maxCalls: 200 });
});
