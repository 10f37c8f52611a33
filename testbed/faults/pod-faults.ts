/** What people and the platform do to Jobs and pods. */
import { LABEL } from '@carpal/configs/names.ts';
import type { KubernetesObject, ObjectList, ObjectMeta } from '@carpal/kubernetes/api/objects.ts';
import { EVENTS, JOBS, PODS, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { describe, expect, it, vi } from 'vitest';
import type { PodScript } from '../cluster/scripted-pod.ts';
import { expectCorrectEnd } from './expect-correct-end.ts';
import { onPool } from './fault-nodes.ts';
import type { FaultWorld, Script } from './fault-world.ts';

/** A gate at which scripts wait. */
export function gate(): { readonly script: PodScript; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { script: { until: promise }, open: resolve };
}

/** Deletes the object as kubectl would. */
export async function deleteObject(
  { client, namespace }: FaultWorld,
  resource: Resource,
  name: string,
  propagationPolicy: 'Background' | 'Foreground' | 'Orphan' = 'Background',
): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy };
  await client.request({ method: 'DELETE', path: resourcePath(resource, { namespace, name }), body });
}

/** The Job's pod, once its container runs. */
export async function runningPod(world: FaultWorld, job: string): Promise<ObjectMeta> {
  const pod = await world.eventually(`${job} to run`, () =>
    world.pods.list().find(({ metadata, status }) => metadata.name.startsWith(`${job}-`) && status?.phase === 'Running'),
  );
  return pod.metadata;
}

type EventObject = KubernetesObject & { readonly type: string; readonly note?: string };

async function eventsOf({ client, namespace }: FaultWorld, experiment: string): Promise<readonly EventObject[]> {
  const query = { fieldSelector: `regarding.name=${experiment}` };
  return (await client.request<ObjectList<EventObject>>({ method: 'GET', path: resourcePath(EVENTS, { namespace }), query })).items;
}

/** What `look` finds, once it finds something. */
async function until<Found>(look: () => Promise<Found | undefined>): Promise<Found> {
  let found: Found | undefined;
  const check = async (): Promise<void> => {
    found = await look();
    expect(found).toBeDefined();
  };
  await vi.waitFor(check, { timeout: 60_000, interval: 300 });
  if (found === undefined) throw new Error('nothing was found');
  return found;
}

/** The script of fold 1's first attempt. Everything else succeeds. */
const firstOfFoldOne =
  (script: PodScript): Script =>
  ({ fold, attempt }) =>
    fold === 1 && attempt === 1 ? script : {};

export function podFaults(world: () => FaultWorld): void {
  describe.concurrent('a deleted Job', () => {
    for (const policy of ['Background', 'Foreground'] as const) {
      it(`(${policy}) with a running pod has been disrupted, and the next attempt waits until that pod has ended`, async () => {
        const name = `job-${policy.toLowerCase()}`;
        await world().begin(name, {}, firstOfFoldOne(gate().script));
        await runningPod(world(), `${name}-fold-1-1`);
        await deleteObject(world(), JOBS, `${name}-fold-1-1`, policy);
        await expectCorrectEnd(world(), name, { state: 'Complete', costs: { 'fold 1': { disruptions: 1 } } });
      });

      it(`(${policy}) with a pending pod has been disrupted`, async () => {
        const name = `waiting-${policy.toLowerCase()}`;
        await world().begin(name, {}, firstOfFoldOne({ neverStarts: true }));
        await world().until(name, ({ status }) => status?.folds?.[1]?.state === 'Pending');
        await deleteObject(world(), JOBS, `${name}-fold-1-1`, policy);
        await expectCorrectEnd(world(), name, { state: 'Complete', costs: { 'fold 1': { disruptions: 1 } } });
      });
    }

    it('whose pod stays (--cascade=orphan) continues, and its end counts', async () => {
      const held = gate();
      await world().begin('job-orphan', {}, firstOfFoldOne(held.script));
      const pod = await runningPod(world(), 'job-orphan-fold-1-1');
      await deleteObject(world(), JOBS, 'job-orphan-fold-1-1', 'Orphan');
      await world().eventually('the deletion of the Job', () => world().jobs.get(`${world().namespace}/job-orphan-fold-1-1`) === undefined);
      held.open();
      await expectCorrectEnd(world(), 'job-orphan', { state: 'Complete' });
      expect(world().runs.filter(({ experiment, fold }) => experiment === 'job-orphan' && fold === 1)).toMatchObject([{ pod: pod.uid }]);
    });

    it('whose pod stays (--cascade=orphan) is retried when that pod fails', async () => {
      const held = gate();
      await world().begin('orphan-fails', {}, firstOfFoldOne({ ...held.script, exitCode: 1 }));
      await runningPod(world(), 'orphan-fails-fold-1-1');
      await deleteObject(world(), JOBS, 'orphan-fails-fold-1-1', 'Orphan');
      await world().eventually(
        'the deletion of the Job',
        () => world().jobs.get(`${world().namespace}/orphan-fails-fold-1-1`) === undefined,
      );
      held.open();
      await expectCorrectEnd(world(), 'orphan-fails', { state: 'Complete', costs: { 'fold 1': { failures: 1 } } });
    });

    it('whose pod stays (--cascade=orphan) is stopped when its experiment is suspended', async () => {
      await world().begin('orphan-pause', {}, firstOfFoldOne(gate().script));
      await runningPod(world(), 'orphan-pause-fold-1-1');
      await deleteObject(world(), JOBS, 'orphan-pause-fold-1-1', 'Orphan');
      await world().eventually(
        'the deletion of the Job',
        () => world().jobs.get(`${world().namespace}/orphan-pause-fold-1-1`) === undefined,
      );
      // The other folds have ended by then and are no longer stopped.
      await world().until('orphan-pause', ({ status }) => [0, 2].every((fold) => status?.folds?.[fold]?.state === 'Succeeded'));
      await world().change('orphan-pause', { run: { suspend: true } });
      await world().until('orphan-pause', ({ status }) => status?.folds?.[1]?.state === 'Stopped');
      await world().change('orphan-pause', { run: { suspend: false } });
      await expectCorrectEnd(world(), 'orphan-pause', { state: 'Complete', costs: { 'fold 1': { excused: 1 } } });
    });

    it('of a stage that has succeeded changes nothing', async () => {
      const held = gate();
      await world().begin('done-job', {}, ({ fold }) => (fold === 1 ? held.script : {}));
      await world().until('done-job', ({ status }) => status?.folds?.[0]?.state === 'Succeeded' && status.folds[1]?.state === 'Running');
      await deleteObject(world(), JOBS, 'done-job-fold-0-1');
      await deleteObject(world(), JOBS, 'done-job-prepare-1');
      held.open();
      await expectCorrectEnd(world(), 'done-job', { state: 'Complete' });
    });
  });

  describe.concurrent('a pod', () => {
    it('that is deleted was disrupted', async () => {
      await world().begin('pod-deleted', {}, firstOfFoldOne(gate().script));
      const pod = await runningPod(world(), 'pod-deleted-fold-1-1');
      await deleteObject(world(), PODS, pod.name);
      await expectCorrectEnd(world(), 'pod-deleted', { state: 'Complete', costs: { 'fold 1': { disruptions: 1 } } });
    });

    it('that is deleted and ignores SIGTERM is waited for, because it may still write', async () => {
      const held = gate();
      await world().begin('pod-deaf', {}, firstOfFoldOne({ ...held.script, onStop: 'ignore' }));
      const pod = await runningPod(world(), 'pod-deaf-fold-1-1');
      await world().until('pod-deaf', ({ status }) => status?.folds?.[1]?.state === 'Running');
      await deleteObject(world(), PODS, pod.name);
      await world().eventually('the deletion', () => world().pods.get(`${world().namespace}/${pod.name}`)?.metadata.deletionTimestamp);
      expect((await world().read('pod-deaf')).status?.folds[1]?.attempts).toBe(1);
      held.open();
      await expectCorrectEnd(world(), 'pod-deaf', { state: 'Complete' });
    });

    for (const disruptionTarget of [true, false]) {
      const how = disruptionTarget ? 'with DisruptionTarget was disrupted' : 'because it exceeded its limit has failed';
      it(`that is evicted ${how}`, async () => {
        const name = disruptionTarget ? 'evicted' : 'overfull';
        await world().begin(name, {}, firstOfFoldOne(gate().script));
        const pod = await runningPod(world(), `${name}-fold-1-1`);
        world().kubelet.evict(world().namespace, pod.name, { disruptionTarget });
        const cost = disruptionTarget ? { disruptions: 1 } : { failures: 1 };
        // The status has the words only until the next attempt begins; the event keeps them.
        const isOfFold = ({ note = '' }: EventObject): boolean => note.startsWith('fold 1, attempt 1');
        const ended = await until(async () => (await eventsOf(world(), name)).find((event) => event.type === 'Warning' && isOfFold(event)));
        expect(ended.note).toMatch(disruptionTarget ? /low on resource: memory/ : /ephemeral local storage/);
        await expectCorrectEnd(world(), name, { state: 'Complete', costs: { 'fold 1': cost } });
      });
    }

    it('of prepare or ensemble can be deleted too', async () => {
      const held: Script = ({ stage, attempt }) => (stage !== 'fold' && attempt === 1 ? gate().script : {});
      await world().begin('ends-deleted', {}, held);
      await deleteObject(world(), PODS, (await runningPod(world(), 'ends-deleted-prepare-1')).name);
      await deleteObject(world(), PODS, (await runningPod(world(), 'ends-deleted-ensemble-1')).name);
      await expectCorrectEnd(world(), 'ends-deleted', {
        state: 'Complete',
        costs: { prepare: { disruptions: 1 }, ensemble: { disruptions: 1 } },
      });
    });
  });

  describe.concurrent('a stage that does not start', () => {
    const startDeadline = { run: { startDeadline: '3s' } };
    const capacityDeadline = { run: { capacityDeadline: '3s' } };

    it('because its image does not exist fails the experiment with the message of the kubelet', async () => {
      const message = 'Back-off pulling image "registry/carpal:x": ErrImagePull: manifest unknown';
      await world().begin('no-image', startDeadline, ({ stage }) =>
        stage === 'prepare' ? { neverStarts: 'ImagePullBackOff', message } : {},
      );
      await expectCorrectEnd(world(), 'no-image', {
        state: 'Failed',
        reason: 'StartDeadlineExceeded',
        message: /prepare did not start within run\.startDeadline \(3s\): ErrImagePull: manifest unknown/,
      });
    });

    it('because no node matches its selector fails after run.capacityDeadline with the message of the scheduler', async () => {
      await world().begin('no-gpu', {
        ...capacityDeadline,
        placement: { gpus: 8, nodeSelector: { 'kubernetes.io/hostname': 'gpu-none' } },
      });
      await expectCorrectEnd(world(), 'no-gpu', {
        state: 'Failed',
        reason: 'CapacityDeadlineExceeded',
        message: /found no capacity within run\.capacityDeadline \(3s\): 0\/\d+ nodes are available: .*/,
      });
    });

    it('because no node has that many GPUs fails after run.capacityDeadline with the message of the scheduler', async () => {
      await world().begin('few-gpus', { ...capacityDeadline, placement: { gpus: 16, ...onPool('small') } });
      await expectCorrectEnd(world(), 'few-gpus', {
        state: 'Failed',
        reason: 'CapacityDeadlineExceeded',
        message: /: 0\/\d+ nodes are available: .*Insufficient nvidia\.com\/gpu/,
      });
    });

    it('because its service account does not exist fails the experiment with the message of the Job controller', async () => {
      await world().begin('no-account', { placement: { serviceAccountName: 'missing' }, run: { startDeadline: '14s' } });
      await expectCorrectEnd(world(), 'no-account', {
        state: 'Failed',
        reason: 'StartDeadlineExceeded',
        message: /serviceaccount "missing" not found/,
      });
    });

    it('is found by its Job: a label of another experiment on its pod changes nothing', async () => {
      const held = gate();
      await world().begin('labelled', {}, firstOfFoldOne(held.script));
      const pod = await runningPod(world(), 'labelled-fold-1-1');
      const path = resourcePath(PODS, { namespace: world().namespace, name: pod.name });
      const labels = { [LABEL.experimentUid]: '00000000-0000-4000-8000-000000000000' };
      await world().client.request({ method: 'PATCH', path, body: { metadata: { labels } } });
      held.open();
      await expectCorrectEnd(world(), 'labelled', { state: 'Complete' });
    });
  });
}
