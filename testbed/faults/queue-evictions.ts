/** What Kueue takes back: preemption by a higher priority, a stopped ClusterQueue, a deactivated Workload. */
import { progressKey } from '@carpal/artifacts/progress.ts';
import { describe, expect, it, vi } from 'vitest';
import { createQueue } from '../cluster/kueue-queues.ts';
import type { PodScript } from '../cluster/scripted-pod.ts';
import { expectCorrectEnd } from './expect-correct-end.ts';
import type { ContainerRun, Script, Spec } from './fault-world.ts';
import { type KueueWorld, oneFold, secondsOf } from './kueue-world.ts';
import { gate } from './pod-faults.ts';

/** The fold's first container runs until Kueue takes its quota back. Everything after it follows `next`. */
function evictedOnce(world: () => KueueWorld, next: PodScript = {}): Script {
  return ({ experiment, stage }) => {
    if (stage !== 'fold') return {};
    return world().foldRuns(experiment).length <= 1 ? gate().script : next;
  };
}

const sumOf = (runs: readonly ContainerRun[]): number => runs.reduce((sum, run) => sum + secondsOf(run), 0);

export function queueEvictions(world: () => KueueWorld): void {
  const untilState = (name: string, state: string) => world().until(name, (seen) => seen.status?.folds[0]?.state === state);
  /** The note of the event of its eviction. */
  const untilEvicted = async (name: string): Promise<string> =>
    await vi.waitUntil(async () => (await world().notes(name, 'StageEvicted')).join('\n'), 20_000);
  /** Waits until the newest container of a fold, or of a Job with this name, has run this long. */
  const untilRan = (name: string, seconds: number) =>
    world().eventually(`${name} to run for ${seconds} s`, () => {
      const newest = world().runs.findLast(({ experiment, stage }) => experiment === name && (stage === 'fold' || stage === ''));
      return newest?.startedMs !== undefined && secondsOf(newest) >= seconds;
    });

  describe.concurrent('a fold that is preempted', () => {
    it('waits without a charge, keeps the time that it ran, says who took its place, and continues', async () => {
      await world().addQueue('contested');
      const urgent = gate();
      await world().begin(
        'modest',
        oneFold('contested', { placement: { workloadPriorityClass: 'normal' } }),
        evictedOnce(world, { runMs: 2000 }),
      );
      await untilState('modest', 'Running');
      await untilRan('modest', 4);
      await world().addUrgentJob('pressing', 'contested', urgent.script);
      await untilState('modest', 'Queued');
      const [first] = world().foldRuns('modest');
      const { status } = await world().until('modest', (seen) => (seen.status?.folds[0]?.activeSeconds ?? 0) > 0);
      const fold = status?.folds[0];
      // The eviction counts from Kueue's decision. The container runs a little longer, until it has saved its checkpoint.
      expect(fold?.activeSeconds).toBeGreaterThanOrEqual(3);
      expect(fold?.activeSeconds).toBeLessThanOrEqual((first === undefined ? 0 : secondsOf(first)) + 1);
      expect(fold).toMatchObject({ attempts: 1, failures: 0, disruptions: 0 });
      expect(fold?.message).toMatch(/preempted/i);
      expect(fold?.message).not.toMatch(/about to start/);
      expect(fold?.reason).toBe('StageEvicted');
      expect(status).toMatchObject({ state: 'Queued', reason: 'Queued' });
      expect(status?.conditions.find(({ type }) => type === 'Training')).toMatchObject({ status: 'False' });
      expect(await untilEvicted('modest')).toMatch(/^fold 0, attempt 1: .*preempted/i);
      urgent.open();
      await expectCorrectEnd(world(), 'modest', { state: 'Complete', extraPods: 1 });
      const { gpuSeconds } = (await world().read('modest')).status ?? {};
      const ran = sumOf(world().foldRuns('modest'));
      expect(gpuSeconds).toBeGreaterThanOrEqual(4);
      expect(gpuSeconds).toBeLessThanOrEqual(ran + 3);
    });

    it('has as much time as before until run.foldDeadline, however long it waits', async () => {
      await world().addQueue('timed');
      const urgent = gate();
      const spec = oneFold('timed', { run: { foldDeadline: '25s' }, placement: { workloadPriorityClass: 'normal' } });
      await world().begin('limited', spec, evictedOnce(world, gate().script));
      await untilState('limited', 'Running');
      await untilRan('limited', 8);
      await world().addUrgentJob('rival', 'timed', urgent.script);
      await untilState('limited', 'Queued');
      // The deadline would have passed if waiting counted.
      await untilRan('rival', 18);
      const before = (await world().read('limited')).status?.folds[0];
      expect(before?.state).toBe('Queued');
      urgent.open();
      await expectCorrectEnd(world(), 'limited', { state: 'Failed', reason: 'FoldDeadlineExceeded', extraPods: 1 });
      const runs = world().foldRuns('limited');
      expect(runs).toHaveLength(2);
      const leftSeconds = 25 - (before?.activeSeconds ?? 0);
      expect(leftSeconds).toBeLessThan(18.5);
      const [, second] = runs.map(secondsOf);
      expect(second).toBeGreaterThan(leftSeconds - 2);
      expect(second).toBeLessThan(leftSeconds + 5);
    });
  });

  describe.concurrent('a ClusterQueue that is stopped', () => {
    it('with Hold lets a fold run on, and holds the next one with the cause in its status', async () => {
      await world().addQueue('halted');
      const held = gate();
      await world().begin('lucky', oneFold('halted'), ({ stage }) => (stage === 'fold' ? held.script : {}));
      await untilState('lucky', 'Running');
      await world().stopQueue('halted', 'Hold');
      await world().begin('late', oneFold('halted'));
      await world().until('late', (seen) => /ClusterQueue halted is (inactive|stopped)/.test(seen.status?.folds[0]?.message ?? ''));
      held.open();
      await world().until('lucky', (seen) => seen.status?.folds[0]?.state === 'Succeeded');
      await world().stopQueue('halted', 'None');
      await expectCorrectEnd(world(), 'late', { state: 'Complete' });
      await expectCorrectEnd(world(), 'lucky', { state: 'Complete' });
    });

    it('with HoldAndDrain evicts a fold without a charge; while all folds wait there is no estimated time of completion', async () => {
      await world().addQueue('drained');
      const report = { stage: 'fold', fold: 0, state: 'running', epoch: 1, epochs: 10, etaSeconds: 5000 };
      const { metadata } = await world().begin('estimated', oneFold('drained'), (attempt) => {
        const script = evictedOnce(world)(attempt, undefined as never);
        if (attempt.stage !== 'fold') return script;
        const work = (): Promise<void> => world().store.write(key, JSON.stringify({ ...report, updatedAt: new Date().toISOString() }));
        return { ...script, work };
      });
      const key = progressKey({ metadata: { ...metadata, namespace: world().namespace } }, { stage: 'fold', fold: 0 });
      await world().until('estimated', ({ status }) => status?.estimatedCompletionTime !== undefined);
      await world().stopQueue('drained', 'HoldAndDrain');
      const { status } = await untilState('estimated', 'Queued');
      expect(status?.estimatedCompletionTime).toBeUndefined();
      await world().until('estimated', (seen) => /stopped|inactive/.test(seen.status?.folds[0]?.message ?? ''));
      expect(await untilEvicted('estimated')).toMatch(/stopped/);
      await world().stopQueue('drained', 'None');
      await expectCorrectEnd(world(), 'estimated', { state: 'Complete', extraPods: 1 });
    });
  });

  describe.concurrent('the message of a queued fold', () => {
    it('says that its LocalQueue does not exist, until it does', async () => {
      await world().begin('lost', oneFold('nowhere'));
      await world().until('lost', (seen) => /LocalQueue nowhere doesn't exist/.test(seen.status?.folds[0]?.message ?? ''));
      await world().addQueue('nowhere');
      await expectCorrectEnd(world(), 'lost', { state: 'Complete' });
    });

    it('says its position, which follows from priority and age, and which moves', async () => {
      await world().addQueue('crowded');
      const positionOf = (name: string, position: number, of: number) =>
        world().until(
          name,
          (seen) =>
            seen.status?.folds[0]?.message?.includes(`queue crowded: position ${position} of ${of} in LocalQueue crowded; `) ?? false,
        );
      const held = gate();
      const spec = (workloadPriorityClass?: string): Spec =>
        oneFold('crowded', workloadPriorityClass === undefined ? {} : { placement: { workloadPriorityClass } });
      await world().begin('holder', spec('urgent'), ({ stage }) => (stage === 'fold' ? held.script : {}));
      await untilState('holder', 'Running');
      await world().begin('patient-one', spec());
      await positionOf('patient-one', 1, 1);
      await world().begin('preferred', spec('normal'));
      await positionOf('preferred', 1, 2);
      await positionOf('patient-one', 2, 2);
      held.open();
      await Promise.all(['holder', 'preferred', 'patient-one'].map((name) => expectCorrectEnd(world(), name, { state: 'Complete' })));
      const [first, last] = ['preferred', 'patient-one'].map((name) => world().foldRuns(name)[0]?.startedMs ?? 0);
      expect(first).toBeLessThan(last ?? 0);
    });

    it('says that the request is above the maximum of the queue', async () => {
      await world().addQueue('small');
      await world().begin('greedy', oneFold('small', { placement: { gpus: 2 } }));
      await world().until('greedy', (seen) => /nvidia\.com\/gpu.*maximum capacity \(1\)/.test(seen.status?.folds[0]?.message ?? ''));
      expect((await world().read('greedy')).status).toMatchObject({ state: 'Queued' });
    });

    it('says which resource its ClusterQueue does not cover', async () => {
      const { client, namespace } = world();
      await createQueue(client, { name: 'narrow', namespace, gpus: 1, others: { cpu: '64', memory: '1Ti' } });
      await world().begin('wide', oneFold('narrow'));
      await world().until(
        'wide',
        (seen) => seen.status?.folds[0]?.message?.includes('ephemeral-storage unavailable in ClusterQueue') ?? false,
      );
      await createQueue(client, { name: 'narrow', namespace, gpus: 1 });
      await expectCorrectEnd(world(), 'wide', { state: 'Complete' });
    });

    it('says that its Workload was deactivated, also when it ran before', async () => {
      await world().addQueue('managed');
      await world().begin('idle', oneFold('managed'), evictedOnce(world));
      await untilState('idle', 'Running');
      await world().setActive('idle', false);
      await world().until('idle', (seen) => /deactivated/.test(seen.status?.folds[0]?.message ?? ''));
      expect((await world().read('idle')).status?.folds[0]).toMatchObject({ state: 'Queued', attempts: 1, disruptions: 0 });
      await world().setActive('idle', true);
      await expectCorrectEnd(world(), 'idle', { state: 'Complete', extraPods: 1 });
    });
  });
}
