/** What people and time do to an experiment while it runs and after its end. */
import { EXPERIMENTS, PLURAL } from '@carpal/configs/names.ts';
import { JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { describe, expect, it } from 'vitest';
import { hasCondition } from '../operator/operator-world.ts';
import { type Costs, expectCorrectEnd, untilQuiet } from './expect-correct-end.ts';
import type { FaultWorld, Script } from './fault-world.ts';
import { deleteObject, gate, runningPod } from './pod-faults.ts';

/** The first attempt of this stage runs until it is stopped. */
const firstOf =
  (held: 'prepare' | 'fold' | 'ensemble'): Script =>
  ({ stage, attempt }) =>
    stage === held && attempt === 1 ? gate().script : {};

const PAUSED: readonly (readonly ['prepare' | 'fold' | 'ensemble', string, Readonly<Record<string, Costs>>])[] = [
  ['prepare', 'prepare-1', { prepare: { excused: 1 } }],
  ['fold', 'fold-2-1', { 'fold 0': { excused: 1 }, 'fold 1': { excused: 1 }, 'fold 2': { excused: 1 } }],
  ['ensemble', 'ensemble-1', { ensemble: { excused: 1 } }],
];

const foldsRunning = (world: FaultWorld, name: string): number =>
  world.runs.filter((run) => run.experiment === name && run.fold !== undefined && run.startedMs !== undefined && run.endedMs === undefined)
    .length;

export function steeringFaults(world: () => FaultWorld): void {
  describe.concurrent('an experiment that is suspended', () => {
    for (const [stage, job, costs] of PAUSED) {
      it(`in ${stage} stops with checkpoints, and continues with one more attempt that counts against no budget`, async () => {
        const name = `pause-${stage}`;
        await world().begin(name, { run: { maxFailures: 0, maxDisruptions: 0 } }, firstOf(stage));
        await runningPod(world(), `${name}-${job}`);
        await world().change(name, { run: { suspend: true } });
        await world().until(name, ({ status }) => {
          const stages = [status?.prepare, ...(status?.folds ?? []), status?.ensemble];
          return status?.state === 'Suspended' && stages.every((one) => one?.state !== 'Stopping');
        });
        expect(world().runs.filter((run) => run.experiment === name && run.endedMs === undefined)).toEqual([]);
        await untilQuiet(world(), name, 60);
        await world().change(name, { run: { suspend: false } });
        await expectCorrectEnd(world(), name, { state: 'Complete', costs, maxCalls: 80 });
      });
    }

    it('before its pods have started starts none, and continues without cost', async () => {
      await world().begin('pause-pending', {}, ({ stage, attempt }) => (stage === 'fold' && attempt === 1 ? { neverStarts: true } : {}));
      await world().until('pause-pending', ({ status }) => status?.folds?.every(({ state }) => state === 'Pending') === true);
      await world().change('pause-pending', { run: { suspend: true } });
      await world().until('pause-pending', ({ status }) => status?.folds?.every(({ state }) => state === 'Stopped') === true);
      await world().change('pause-pending', { run: { suspend: false } });
      const excused = { excused: 1 };
      await expectCorrectEnd(world(), 'pause-pending', {
        state: 'Complete',
        costs: { 'fold 0': excused, 'fold 1': excused, 'fold 2': excused },
      });
    });

    it('from the start begins when it is resumed', async () => {
      await world().begin('pause-first', { run: { suspend: true } });
      await world().until('pause-first', ({ status }) => status?.state === 'Suspended');
      await untilQuiet(world(), 'pause-first', 10);
      await world().change('pause-first', { run: { suspend: false } });
      await expectCorrectEnd(world(), 'pause-first', { state: 'Complete' });
    });

    it('and resumed again and again ends correctly, with every attempt accounted for', async () => {
      const held = gate();
      await world().begin('pause-often', {}, ({ stage }) => (stage === 'fold' ? held.script : {}));
      await runningPod(world(), 'pause-often-fold-1-1');
      for (const suspend of [true, false, true, false]) await world().change('pause-often', { run: { suspend } });
      await world().until('pause-often', ({ metadata, status }) => status?.observedGeneration === metadata.generation);
      held.open();
      const { status } = await world().until('pause-often', (seen) => hasCondition(seen, 'Complete'));
      // The operator may have seen both or none of two quick changes.
      const costs = Object.fromEntries((status?.folds ?? []).map(({ index, attempts }) => [`fold ${index}`, { excused: attempts - 1 }]));
      await expectCorrectEnd(world(), 'pause-often', { state: 'Complete', costs });
    });
  });

  describe.concurrent('run.parallelism', () => {
    it('is respected when it changes during training, and lowering it stops no fold', async () => {
      const gates = [0, 1, 2, 3, 4].map(() => gate());
      const spec = { dataset: { uri: '/data', split: { folds: 5 } }, run: { parallelism: 1 } };
      await world().begin('lanes', spec, ({ fold }) => (fold === undefined ? {} : (gates[fold]?.script ?? {})));
      const running = async (count: number): Promise<unknown> =>
        world().eventually(`${count} folds`, () => foldsRunning(world(), 'lanes') === count);
      await running(1);
      await world().change('lanes', { run: { parallelism: 3 } });
      await running(3);
      await world().change('lanes', { run: { parallelism: 1 } });
      await world().until('lanes', ({ metadata, status }) => status?.observedGeneration === metadata.generation);
      await untilQuiet(world(), 'lanes', 60);
      expect(foldsRunning(world(), 'lanes')).toBe(3);
      gates[0]?.open();
      gates[1]?.open();
      await world().until('lanes', ({ status }) => status?.foldsFinished === '2/5');
      await untilQuiet(world(), 'lanes', 60);
      expect(foldsRunning(world(), 'lanes')).toBe(1);
      gates[2]?.open();
      await world().until('lanes', ({ status }) => status?.folds?.[3]?.state === 'Running');
      expect(foldsRunning(world(), 'lanes')).toBe(1);
      gates[3]?.open();
      gates[4]?.open();
      await expectCorrectEnd(world(), 'lanes', { state: 'Complete' });
    });
  });

  describe.concurrent('an experiment that has ended', () => {
    it('loses its Jobs after run.ttlAfterFinished, and nothing else', async () => {
      await world().begin('short-lived', { run: { ttlAfterFinished: '3s' } });
      const done = await world().until('short-lived', (seen) => hasCondition(seen, 'Complete'));
      await world().eventually(
        'the Jobs to disappear',
        () =>
          !world()
            .jobs.list()
            .some(({ metadata }) => metadata.name.startsWith('short-lived-')),
      );
      await expectCorrectEnd(world(), 'short-lived', { state: 'Complete' });
      expect((await world().read('short-lived')).status).toEqual(done.status);
    });

    it('loses its artifacts if run.ttlRemovesArtifacts is set later, as soon as the store is available, and reports it', async () => {
      const { metadata } = await world().begin('passing', { run: { ttlAfterFinished: '0s' } });
      const done = await world().until('passing', (seen) => hasCondition(seen, 'Complete'));
      const key = `experiments/${world().namespace}/passing/${metadata.uid}`;
      expect(done.status?.artifacts).toBe(`${world().store.uri}/${key}`);
      const away = world().failStore('/passing/');
      // Before it removes anything, the operator asks the API server whether the removal is still wanted.
      const asked = (): number => world().calls.filter(({ method, path }) => method === 'GET' && path.endsWith(`/${PLURAL}`)).length;
      const before = asked();
      await world().change('passing', { run: { ttlRemovesArtifacts: true } });
      await world().eventually('two failed tries of the removal', () => asked() >= before + 2);
      expect(await world().store.list(key)).not.toEqual([]);
      expect((await world().read('passing')).status).toMatchObject({ state: 'Complete', artifacts: done.status?.artifacts });
      away.restore();
      const { status } = await world().until(
        'passing',
        (seen) => seen.status?.artifactsRemovedAt !== undefined && seen.status.artifacts === undefined,
      );
      expect(await world().store.list(key)).toEqual([]);
      const { artifacts: _artifacts, submission: _submission, ...rest } = done.status ?? { artifacts: '', submission: '' };
      const { artifactsRemovedAt, observedGeneration } = status ?? {};
      expect(status).toEqual({ ...rest, artifactsRemovedAt, observedGeneration });
      await expectCorrectEnd(world(), 'passing', { state: 'Complete' });
    });

    it('stays unchanged, whatever happens to its Jobs, its pods and its spec', async () => {
      await world().begin('settled');
      const done = await world().until('settled', (seen) => hasCondition(seen, 'Complete'));
      await untilQuiet(world(), 'settled', 60);
      const pod = world()
        .pods.list()
        .find(({ metadata }) => metadata.name.startsWith('settled-fold-0-1-'));
      await deleteObject(world(), PODS, pod?.metadata.name ?? '');
      await deleteObject(world(), JOBS, 'settled-fold-1-1');
      await deleteObject(world(), JOBS, 'settled-fold-2-1', 'Orphan');
      await world().change('settled', { run: { suspend: true, parallelism: 1 } });
      await expectCorrectEnd(world(), 'settled', { state: 'Complete' });
      const { metadata, status } = await world().until('settled', (seen) => seen.status?.observedGeneration === seen.metadata.generation);
      expect(status).toEqual({ ...done.status, observedGeneration: metadata.generation });
    });

    it('cannot be reopened by an edit of its status, and an edit that succeeds is corrected', async () => {
      await world().begin('closed');
      await world().until('closed', (seen) => hasCondition(seen, 'Complete'));
      const path = resourcePath(EXPERIMENTS, { namespace: world().namespace, name: 'closed', subresource: 'status' });
      const reopened = world().client.request({ method: 'PATCH', path, body: { status: { state: 'Pending', conditions: [] } } });
      await expect(reopened).rejects.toThrow(/Complete cannot be removed while the spec stays the same/);
      const emptied = world().client.request({ method: 'PATCH', path, body: { status: null } });
      await emptied.catch(() => undefined);
      await expectCorrectEnd(world(), 'closed', { state: 'Complete' });
    });
  });
}
