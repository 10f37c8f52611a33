/** What Kueue admits, and in which order; and what people change while experiments wait for it. */

import { EXPERIMENTS } from '@carpal/configs/names.ts';
import { resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import type { ExperimentObject } from '@carpal/operator/controller/experiment-object.ts';
import { manifestSettings } from '@carpal/operator/install/manifest-settings.ts';
import { namespacedManifests } from '@carpal/operator/install/manifests.ts';
import { CPU_STAGE, stageSettings } from '@carpal/operator/jobs/stage-settings.ts';
import { describe, expect, it, vi } from 'vitest';
import { MANAGES_ALL_JOBS } from '../cluster/kueue-manifests.ts';
import { createQueue } from '../cluster/kueue-queues.ts';
import { freshNamespace } from '../cluster/test-objects.ts';
import { waitFor } from '../cluster/wait-for.ts';
import { applyObjects, startInstalled } from '../operator/installed-operator.ts';
import { hasCondition } from '../operator/operator-world.ts';
import { expectCorrectEnd, untilQuiet } from './expect-correct-end.ts';
import type { Spec } from './fault-world.ts';
import { type KueueWorld, oneFold } from './kueue-world.ts';
import { gate } from './pod-faults.ts';

export function queueAdmission(world: () => KueueWorld): void {
  describe.concurrent('Kueue', () => {
    it('admits three folds one after the other to its only GPU, however long the last one waits', async () => {
      await world().addQueue('single');
      const spec = { placement: { queueName: 'single' }, run: { startDeadline: '6s', maxFailures: 0, maxDisruptions: 0 } };
      await world().begin('in-turn', spec, ({ stage }) => (stage === 'fold' ? { runMs: 4000 } : {}));
      const { status } = await world().until('in-turn', (seen) => seen.status?.folds.some(({ state }) => state === 'Running') ?? false);
      // One fold trains, so the experiment trains, although two folds wait.
      expect(status).toMatchObject({ state: 'Training', reason: 'FoldsRunning' });
      await expectCorrectEnd(world(), 'in-turn', { state: 'Complete', maxCalls: 80 });
      const runs = world().foldRuns('in-turn');
      expect(runs).toHaveLength(3);
      const overlaps = runs.filter(({ startedMs = 0 }, index) => (runs[index - 1]?.endedMs ?? 0) > startedMs);
      expect(overlaps).toEqual([]);
      const { gpuSeconds } = (await world().read('in-turn')).status ?? {};
      expect(gpuSeconds).toBeGreaterThanOrEqual(3 * 3);
      expect(gpuSeconds).toBeLessThanOrEqual(3 * 5 + 2);
    });

    it('gets the priority that placement.workloadPriorityClass names', async () => {
      await world().addQueue('ranked');
      await world().begin('ranks', oneFold('ranked', { placement: { workloadPriorityClass: 'urgent' } }), ({ stage }) =>
        stage === 'fold' ? { runMs: 1500 } : {},
      );
      await world().until('ranks', (seen) => seen.status?.folds[0]?.state === 'Running');
      expect((await world().workloads('ranks')).map(({ spec }) => spec.priority)).toEqual([1000]);
      await expectCorrectEnd(world(), 'ranks', { state: 'Complete' });
    });

    it('admits a fold whose placement.queueName is corrected while it waits', async () => {
      await world().addQueue('right');
      await world().begin('corrected', oneFold('wrong'));
      await world().until('corrected', (seen) => seen.status?.folds[0]?.state === 'Queued');
      await world().change('corrected', { placement: { queueName: 'right' } });
      // The attempt that waited is replaced, and nothing is charged for it.
      await expectCorrectEnd(world(), 'corrected', { state: 'Complete', costs: { 'fold 0': { excused: 1 } } });
    });

    it('forgets an experiment that is deleted while it waits', async () => {
      await world().addQueue('closed', 0);
      await world().begin('given-up', oneFold('closed'));
      await world().until('given-up', (seen) => seen.status?.folds[0]?.state === 'Queued');
      const { client, namespace } = world();
      const names = await vi.waitUntil(async () => {
        const found = (await world().workloads('given-up')).map(({ metadata }) => metadata.name);
        return found.length === 1 && found;
      }, 20_000);
      // Nothing has started, so no event says so.
      expect((await world().notes('given-up', 'StageStarted')).filter((note) => note.startsWith('fold'))).toEqual([]);
      await client.request({ method: 'DELETE', path: resourcePath(EXPERIMENTS, { namespace, name: 'given-up' }) });
      await world().untilNone('given-up');
      await world().eventually('the Job to disappear', () => world().jobs.get(`${namespace}/given-up-fold-0-1`) === undefined);
      await waitFor<{ items: { metadata: { name: string } }[] }>(
        client,
        `/apis/kueue.x-k8s.io/v1beta2/namespaces/${namespace}/workloads`,
        ({ items }) => !items.some(({ metadata }) => names.includes(metadata.name)),
      );
    });

    it('gives the GPU of a suspended experiment to another one, and lets both end', async () => {
      await world().addQueue('shared');
      const held = gate();
      await world().begin('paused', oneFold('shared'), ({ stage, attempt }) => (stage === 'fold' && attempt === 1 ? held.script : {}));
      await world().until('paused', (seen) => seen.status?.folds[0]?.state === 'Running');
      await world().change('paused', { run: { suspend: true } });
      await world().until('paused', ({ status }) => status?.state === 'Suspended' && status.folds[0]?.state === 'Stopped');
      await world().begin('guest', oneFold('shared'));
      await expectCorrectEnd(world(), 'guest', { state: 'Complete' });
      await untilQuiet(world(), 'paused', 60);
      await world().change('paused', { run: { suspend: false } });
      await expectCorrectEnd(world(), 'paused', { state: 'Complete', costs: { 'fold 0': { excused: 1 } }, maxCalls: 80 });
    });
  });

  describe.concurrent('in a namespace in which Kueue also holds Jobs without a queue, an experiment', () => {
    /** Makes the namespace with the queues `gpu` and `cpu`. */
    const addNamespace = async (): Promise<string> => {
      const { client } = world();
      const namespace = await freshNamespace(client, MANAGES_ALL_JOBS);
      await createQueue(client, { name: 'gpu', clusterQueue: `${namespace}-gpu`, namespace, gpus: 1 });
      await createQueue(client, { name: 'cpu', clusterQueue: `${namespace}-cpu`, namespace, gpus: 0 });
      return namespace;
    };
    const startOperator = async (watchNamespace: string, prepareQueue?: string): Promise<void> => {
      const stages = stageSettings({
        image: `carpal@sha256:${'0'.repeat(64)}`,
        artifactsUri: world().store.uri,
        defaultServiceAccountName: 'default',
        ...(prepareQueue === undefined ? {} : { cpuStage: { ...CPU_STAGE, queueName: prepareQueue } }),
      });
      await world().startOperator({ settings: { watchNamespace, stages } });
    };
    const until = (namespace: string, isSo: (seen: ExperimentObject) => boolean): Promise<ExperimentObject> =>
      waitFor<ExperimentObject>(world().client, resourcePath(EXPERIMENTS, { namespace, name: 'bound' }), isSo);
    const post = (namespace: string, placement: Spec): Promise<ExperimentObject> =>
      world().post('bound', { placement: { queueName: 'gpu', ...placement }, run: { folds: [0] } }, namespace);

    it('is not stranded if the operator names the queue of prepare', async () => {
      const namespace = await addNamespace();
      await startOperator(namespace, 'cpu');
      await post(namespace, {});
      await until(namespace, (seen) => hasCondition(seen, 'Complete'));
    });

    it('is not stranded if its manifest names the queue of prepare', async () => {
      const namespace = await addNamespace();
      await startOperator(namespace);
      await post(namespace, { prepare: { queueName: 'cpu' } });
      await until(namespace, (seen) => hasCondition(seen, 'Complete'));
    });

    it('says that prepare needs a queue if none is named, and continues with one', async () => {
      const namespace = await addNamespace();
      await startOperator(namespace);
      await post(namespace, {});
      await until(namespace, ({ status }) => status?.prepare?.message?.includes('placement.prepare.queueName') ?? false);
      const path = resourcePath(EXPERIMENTS, { namespace, name: 'bound' });
      await world().client.request({ method: 'PATCH', path, body: { spec: { placement: { prepare: { queueName: 'cpu' } } } } });
      await until(namespace, (seen) => hasCondition(seen, 'Complete'));
    });

    it('says why Kueue holds it also if its operator has only the rights that it is installed with', async () => {
      const namespace = await addNamespace();
      const installed = manifestSettings({ namespace, watchNamespace: namespace });
      const isRight = (one: object): boolean => 'kind' in one && ['ServiceAccount', 'Role', 'RoleBinding'].includes(String(one.kind));
      await applyObjects(world(), namespacedManifests(installed).filter(isRight));
      await startInstalled(world(), installed);
      await post(namespace, { queueName: 'absent', prepare: { queueName: 'cpu' } });
      await until(namespace, ({ status }) => status?.folds?.[0]?.message?.includes("LocalQueue absent doesn't exist") ?? false);
      const path = resourcePath(EXPERIMENTS, { namespace, name: 'bound' });
      await world().client.request({ method: 'PATCH', path, body: { spec: { placement: { queueName: 'gpu' } } } });
      await until(namespace, (seen) => hasCondition(seen, 'Complete'));
    });
  });
}
