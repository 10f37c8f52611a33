/** What a queue does to the Jobs of an experiment: it holds them back, releases them and takes them back. */
import type { Job } from '@carpal/kubernetes/api/objects.ts';
import { JOBS, PODS, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { describe, expect, it } from 'vitest';
import { expectCorrectEnd } from './expect-correct-end.ts';
import type { FaultWorld, Script, Spec } from './fault-world.ts';
import { gate, runningPod } from './pod-faults.ts';

/** Acts as Kueue: admits the Job or takes it back. */
async function admit({ client, namespace }: FaultWorld, job: string, suspend: boolean): Promise<void> {
  await client.request({ method: 'PATCH', path: resourcePath(JOBS, { namespace, name: job }), body: { spec: { suspend } } });
}

export function jobQueueFaults(world: () => FaultWorld): void {
  describe.concurrent('a queue', () => {
    const queued = (run: Spec = {}): Spec => ({
      dataset: { uri: '/data', split: { folds: 2 } },
      placement: { queueName: 'team', ensemble: { queueName: '' } },
      run,
    });
    /** The first pod of fold 1 runs until it is stopped; the second one does not. */
    const holdFirstPod = (): Script => {
      let pods = 0;
      return ({ fold }) => {
        if (fold === 1) pods += 1;
        return fold === 1 && pods === 1 ? gate().script : {};
      };
    };
    const areQueued = ({ status }: { status?: { folds: readonly { state: string }[] } }): boolean =>
      status?.folds?.every(({ state }) => state === 'Queued') ?? false;

    it('that holds Jobs back uses no deadline, and the start deadline counts from their admission', async () => {
      await world().begin('held', queued({ startDeadline: '4s' }), ({ fold }) => (fold === undefined ? {} : { neverStarts: true }));
      const seen = await world().until('held', areQueued);
      expect(seen.status).toMatchObject({ state: 'Queued', reason: 'Queued' });
      const { creationTimestamp = '' } = world().jobs.get(`${world().namespace}/held-fold-1-1`)?.metadata ?? {};
      await world().eventually('the time of the start deadline to pass', () => Date.now() > Date.parse(creationTimestamp) + 6000);
      expect((await world().read('held')).status?.state).toBe('Queued');
      const releasedMs = Date.now();
      for (const fold of [0, 1]) await admit(world(), `held-fold-${fold}-1`, false);
      await expectCorrectEnd(world(), 'held', { state: 'Failed', reason: 'StartDeadlineExceeded', message: /fold [01] did not start/ });
      const { status } = await world().read('held');
      // Kubernetes times have whole seconds.
      expect(Date.parse(status?.finishedAt ?? '') - releasedMs).toBeGreaterThan(2900);
    });

    it('that takes a Job back whose pod ends as failed before it disappears makes it wait again, without a failure or a disruption', async () => {
      await world().begin('failing', queued({ maxFailures: 0, maxDisruptions: 0 }), holdFirstPod());
      await world().until('failing', areQueued);
      for (const fold of [0, 1]) await admit(world(), `failing-fold-${fold}-1`, false);
      const { name } = await runningPod(world(), 'failing-fold-1-1');
      const { client, namespace } = world();
      const path = resourcePath(PODS, { namespace, name });
      const hold = (finalizers: readonly string[]) =>
        client.request({ method: 'PATCH', path, patch: 'merge', body: { metadata: { finalizers } } });
      await hold(['batch.kubernetes.io/job-tracking', 'carpal.dev/test']);
      await world().until('failing', ({ status }) => status?.folds?.[1]?.state === 'Running');
      await admit(world(), 'failing-fold-1-1', true);
      // As on a node that frees the pod's resources before it removes it: the Job controller sees that the pod has failed.
      await world().eventually('the Job to be about to fail', () => {
        const job = world().jobs.get(`${namespace}/failing-fold-1-1`);
        return job?.status?.conditions?.some(({ type, status }) => type === 'FailureTarget' && status === 'True');
      });
      await hold([]);
      await world().until('failing', ({ status }) => status?.folds?.[1]?.state === 'Queued' && status.folds[1].attempts === 2);
      // The queue may also release the Job that has ended; it starts no pod.
      for (const attempt of [1, 2]) await admit(world(), `failing-fold-1-${attempt}`, false);
      await expectCorrectEnd(world(), 'failing', { state: 'Complete', costs: { 'fold 1': { excused: 1 } } });
    });

    it('that takes a running Job back makes it wait again, without a failure or a disruption', async () => {
      await world().begin('taken', queued({ maxFailures: 0, maxDisruptions: 0 }), holdFirstPod());
      await world().until('taken', areQueued);
      for (const fold of [0, 1]) await admit(world(), `taken-fold-${fold}-1`, false);
      await runningPod(world(), 'taken-fold-1-1');
      await world().until('taken', ({ status }) => status?.folds?.[1]?.state === 'Running');
      await admit(world(), 'taken-fold-1-1', true);
      // As a queue does: it admits nothing before what it took back has ended. The pod disappears once the Job controller has counted it.
      await world().eventually('its pod to disappear', () =>
        world()
          .pods.list()
          .every(({ metadata }) => !metadata.name.startsWith('taken-fold-1-1-')),
      );
      const { client, namespace } = world();
      const path = resourcePath(JOBS, { namespace, name: 'taken-fold-1-1' });
      const { status } = await client.request<Job>({ method: 'GET', path });
      // If the pod had ended before the Job was suspended, the Job is over and another one takes its place.
      const isOver = status?.conditions?.some((one) => one.status === 'True' && (one.type === 'FailureTarget' || one.type === 'Failed'));
      const excused = isOver ? 1 : 0;
      await world().until('taken', ({ status: seen }) => seen?.folds?.[1]?.state === 'Queued' && seen.folds[1].attempts === 1 + excused);
      await admit(world(), `taken-fold-1-${1 + excused}`, false);
      await expectCorrectEnd(world(), 'taken', { state: 'Complete', costs: { 'fold 1': { excused } }, extraPods: 1 - excused });
    });
  });
}
