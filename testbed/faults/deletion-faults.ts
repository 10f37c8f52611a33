/** Experiments that are deleted while they run, and created again under the same name. */
import { EXPERIMENTS, LABEL } from '@carpal/configs/names.ts';
import type { KubernetesObject, ObjectList } from '@carpal/kubernetes/api/objects.ts';
import { CONFIG_MAPS, JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { describe, expect, it, vi } from 'vitest';
import { hasCondition } from '../operator/operator-world.ts';
import { callsFor, expectCorrectEnd, expectNoDuplicates, startsOf, untilNothingIsOrphaned, untilQuiet } from './expect-correct-end.ts';
import type { FaultWorld, Script } from './fault-world.ts';
import { deleteObject, gate, runningPod } from './pod-faults.ts';

type Stage = 'prepare' | 'folds' | 'ensemble';
const FIRST_JOB: Record<Stage, string> = { prepare: 'prepare-1', folds: 'fold-1-1', ensemble: 'ensemble-1' };

/** This stage never ends. */
const runsForever = (held: Stage): Script => {
  const { script } = gate();
  return ({ stage }) => (stage === (held === 'folds' ? 'fold' : held) ? script : {});
};

/** Waits until the experiment and everything with its label are gone. */
async function untilGone(world: FaultWorld, name: string): Promise<void> {
  const query = { labelSelector: `${LABEL.experiment}=${name}` };
  const left = async (): Promise<readonly string[]> => {
    const lists = [JOBS, PODS, CONFIG_MAPS].map((resource) =>
      world.client.request<ObjectList<KubernetesObject>>({
        method: 'GET',
        path: resourcePath(resource, { namespace: world.namespace }),
        query,
      }),
    );
    return (await Promise.all(lists)).flatMap(({ items }) => items.map(({ metadata }) => metadata.name));
  };
  await untilNothingIsOrphaned(world, name);
  await world.untilNone(name);
  // A pod that is deleted with its Job takes some time to end.
  await vi.waitFor(async () => expect(await left()).toEqual([]), { timeout: 60_000, interval: 300 });
}

/** After everything was gone, no Job was started and no other request was sent. */
async function expectSilence(world: FaultWorld, name: string, uid: string): Promise<void> {
  const before = { starts: startsOf(world, uid).length, calls: callsFor(world, name).length };
  await untilQuiet(world, name, 60);
  expect({ starts: startsOf(world, uid).length, calls: callsFor(world, name).length }).toEqual(before);
  expectNoDuplicates(world, uid);
}

export function deletionFaults(world: () => FaultWorld): void {
  describe.concurrent('an experiment that is deleted', () => {
    for (const policy of ['Background', 'Foreground'] as const) {
      for (const stage of ['prepare', 'folds', 'ensemble'] as const) {
        it(`(${policy}) during ${stage} leaves nothing behind, and nothing is started afterwards`, async () => {
          const name = `gone-${stage}-${policy.toLowerCase()}`;
          const { metadata } = await world().begin(name, {}, runsForever(stage));
          await runningPod(world(), `${name}-${FIRST_JOB[stage]}`);
          await deleteObject(world(), EXPERIMENTS, name, policy);
          await untilGone(world(), name);
          await expectSilence(world(), name, metadata.uid ?? '');
        });
      }

      it(`(${policy}) after its end leaves nothing behind`, async () => {
        const name = `gone-ended-${policy.toLowerCase()}`;
        const { metadata } = await world().begin(name);
        await world().until(name, (seen) => hasCondition(seen, 'Complete'));
        await deleteObject(world(), EXPERIMENTS, name, policy);
        await untilGone(world(), name);
        await expectSilence(world(), name, metadata.uid ?? '');
      });
    }

    it('immediately after its creation leaves nothing behind', async () => {
      const { metadata } = await world().begin('gone-at-once', {}, runsForever('prepare'));
      await deleteObject(world(), EXPERIMENTS, 'gone-at-once');
      // A step that began before the deletion may still create its Job, which the garbage collector then removes.
      await untilQuiet(world(), 'gone-at-once', 60);
      await untilGone(world(), 'gone-at-once');
      await expectSilence(world(), 'gone-at-once', metadata.uid ?? '');
    });

    it('takes along a pod that its Job had orphaned', async () => {
      await world().begin('gone-orphan', {}, runsForever('folds'));
      await runningPod(world(), 'gone-orphan-fold-1-1');
      await deleteObject(world(), JOBS, 'gone-orphan-fold-1-1', 'Orphan');
      const isOrphan = ({ metadata: { name, ownerReferences } }: KubernetesObject): boolean =>
        name.startsWith('gone-orphan-fold-1-1-') && ownerReferences === undefined;
      await world().eventually('the pod to lose its owner', () => world().pods.list().some(isOrphan));
      await deleteObject(world(), EXPERIMENTS, 'gone-orphan');
      await untilGone(world(), 'gone-orphan');
    });
  });

  describe.concurrent('an experiment that is created again under the same name', () => {
    it('immediately trains from scratch, with its own uid, and leaves the old artifacts unchanged', async () => {
      const old = await world().begin('again', {}, runsForever('folds'));
      await runningPod(world(), 'again-fold-1-1');
      const oldKey = `experiments/${world().namespace}/again/${old.metadata.uid}`;
      await world().store.write(`${oldKey}/folds/0/checkpoint/state.json`, '{}');
      const before = await world().store.list(oldKey);
      await deleteObject(world(), EXPERIMENTS, 'again');
      const fresh = await world().begin('again');
      expect(fresh.metadata.uid).not.toBe(old.metadata.uid);
      await world().until('again', ({ metadata }) => metadata.uid === fresh.metadata.uid);
      await expectCorrectEnd(world(), 'again', { state: 'Complete', maxCalls: 100 });
      expect(await world().store.list(oldKey)).toEqual(before);
      const uids = new Set(
        world()
          .runs.filter(({ experiment }) => experiment === 'again')
          .map(({ experimentUid }) => experimentUid),
      );
      expect([...uids]).toEqual([old.metadata.uid, fresh.metadata.uid]);
      expectNoDuplicates(world(), old.metadata.uid ?? '');
    });

    it('waits for a Job of the old experiment that still exists, and does not use it as its own', async () => {
      const old = await world().begin('twin', {}, runsForever('folds'));
      await runningPod(world(), 'twin-fold-1-1');
      const path = resourcePath(JOBS, { namespace: world().namespace, name: 'twin-prepare-1' });
      await world().client.request({ method: 'PATCH', path, body: { metadata: { finalizers: ['carpal.dev/held-by-a-test'] } } });
      await deleteObject(world(), EXPERIMENTS, 'twin');
      const fresh = await world().begin('twin');
      const isRejected = (): boolean => callsFor(world(), 'twin').filter(({ path: at, done }) => at.endsWith('/jobs') && !done).length > 2;
      await world().eventually('tries', isRejected);
      expect(startsOf(world(), fresh.metadata.uid ?? '')).toEqual([]);
      await world().client.request({ method: 'PATCH', path, body: { metadata: { finalizers: [] } } });
      await world().until('twin', ({ metadata }) => metadata.uid === fresh.metadata.uid);
      await expectCorrectEnd(world(), 'twin', { state: 'Complete', maxCalls: 100 });
      expectNoDuplicates(world(), old.metadata.uid ?? '');
    });
  });
}
