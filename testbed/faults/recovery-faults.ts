/** What can recover never ends an experiment, and an experiment that has failed can be continued. */

import { foldKey } from '@carpal/configs/names.ts';
import { NODES, type Resource, resourcePath } from '@carpal/kubernetes/api/resource-path.ts';
import { describe, expect, it } from 'vitest';
import { OUT_OF_MEMORY, type PodScript } from '../cluster/scripted-pod.ts';
import { deleteNamespace, freshNamespace } from '../cluster/test-objects.ts';
import { hasCondition } from '../operator/operator-world.ts';
import { expectCorrectEnd } from './expect-correct-end.ts';
import { onPool } from './fault-nodes.ts';
import type { FaultWorld, Script, Spec } from './fault-world.ts';
import { gate, runningPod } from './pod-faults.ts';

const POLICIES: Resource = { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingadmissionpolicies' };
const BINDINGS: Resource = { group: 'admissionregistration.k8s.io', version: 'v1', plural: 'validatingadmissionpolicybindings' };

/** Fold 1 ends like this in its first attempts. Everything else succeeds. */
const foldOne =
  (end: PodScript, attempts = 1): Script =>
  ({ fold, attempt }) =>
    fold === 1 && attempt <= attempts ? end : {};

const failedMessage = (status: { conditions: readonly { type: string; message: string }[] } | undefined): string =>
  status?.conditions.find(({ type }) => type === 'Failed')?.message ?? '';

async function cordon({ client }: FaultWorld, node: string, unschedulable: boolean): Promise<void> {
  await client.request({ method: 'PATCH', path: resourcePath(NODES, { name: node }), body: { spec: { unschedulable } } });
}

/** Denies the creation of Jobs whose name begins like this, until it is called again. */
async function denyJobs({ client }: FaultWorld, start: string): Promise<() => Promise<void>> {
  const name = `deny-${start}`;
  const spec = {
    failurePolicy: 'Fail',
    matchConstraints: {
      resourceRules: [{ apiGroups: ['batch'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['jobs'] }],
    },
    validations: [{ expression: `!object.metadata.name.startsWith('${start}')`, message: 'no training this week' }],
  };
  await client.request({ method: 'POST', path: resourcePath(POLICIES), body: { metadata: { name }, spec } });
  const binding = { metadata: { name }, spec: { policyName: name, validationActions: ['Deny'] } };
  await client.request({ method: 'POST', path: resourcePath(BINDINGS), body: binding });
  return async () => {
    await client.request({ method: 'DELETE', path: resourcePath(BINDINGS, { name }) });
  };
}

export function recoveryFaults(world: () => FaultWorld): void {
  describe.concurrent('a lack of capacity', () => {
    it('on a cluster with one GPU lets three folds finish one after the other, whatever run.startDeadline is', async () => {
      const spec: Spec = { placement: { ...onPool('single'), gpus: 1 }, run: { startDeadline: '8s' } };
      await world().begin('one-gpu', spec, ({ fold }) => (fold === undefined ? {} : { runMs: 5000 }));
      const seen = await world().until('one-gpu', ({ status }) => status?.folds.some(({ state }) => state === 'Running') === true);
      expect(seen.status?.state).toBe('Training');
      await expectCorrectEnd(world(), 'one-gpu', { state: 'Complete', maxCalls: 80 });
    });

    it('after a disruption keeps the fold waiting with the words of the scheduler, and the fold continues', async () => {
      const spec: Spec = { placement: onPool('scarce'), run: { startDeadline: '1s' } };
      await world().begin('ebb', spec, foldOne({ ...gate().script }));
      const pod = await runningPod(world(), 'ebb-fold-1-1');
      await cordon(world(), 'scarce-0', true);
      world().kubelet.evict(world().namespace, pod.name, { disruptionTarget: true });
      const waiting = await world().until('ebb', ({ status }) => status?.folds[1]?.reason === 'WaitingForCapacity');
      const pendingSince = Date.now();
      await world().eventually('the start deadline to pass', () => Date.now() > pendingSince + 3000);
      expect(waiting.status?.folds[1]).toMatchObject({ disruptions: 1, attempts: 2 });
      expect((await world().read('ebb')).status?.folds[1]).toMatchObject({ state: 'Pending', message: /nodes are available/ });
      await cordon(world(), 'scarce-0', false);
      await expectCorrectEnd(world(), 'ebb', { state: 'Complete', costs: { 'fold 1': { disruptions: 1 } } });
    });

    it('for longer than run.capacityDeadline fails the stage, and a retry continues it', async () => {
      const spec: Spec = { placement: { gpus: 16, nodeSelector: { nowhere: 'to-be-found' } }, run: { capacityDeadline: '2s' } };
      await world().begin('no-room', spec);
      const { status } = await world().until('no-room', (seen) => hasCondition(seen, 'Failed'));
      expect(status?.reason).toBe('CapacityDeadlineExceeded');
      expect(failedMessage(status)).toMatch(/run\.capacityDeadline.*run\.retry/s);
      await world().change('no-room', { placement: { gpus: 1, nodeSelector: null }, run: { retry: 1 } });
      const reopened = await world().until('no-room', (seen) => hasCondition(seen, 'Complete'));
      expect(reopened.status?.folds.map(({ state, failures }) => [state, failures])).toEqual([0, 1, 2].map(() => ['Succeeded', 0]));
    });
  });

  describe.concurrent('an infrastructure that fails', () => {
    it('with the artifact store denied in mid-training costs a disruption, never an end', async () => {
      await world().begin(
        'denied',
        {},
        foldOne({ exitCode: 74, message: 'store-denied: the artifact store denied access (AccessDenied)' }),
      );
      const seen = await world().until('denied', ({ status }) => status?.folds[1]?.disruptions === 1);
      expect(seen.status?.folds[1]).toMatchObject({ failures: 0, message: /store-denied/ });
      await expectCorrectEnd(world(), 'denied', { state: 'Complete', costs: { 'fold 1': { disruptions: 1 } } });
    });

    it('with a policy that denies the Job of a retry holds the fold, and the fold continues when the policy is gone', async () => {
      const allow = await denyJobs(world(), 'policed-fold-1-2');
      const held = gate();
      await world().begin('policed', {}, foldOne({ ...held.script, exitCode: 75 }));
      await runningPod(world(), 'policed-fold-1-1');
      held.open();
      const seen = await world().until('policed', ({ status }) => status?.folds[1]?.reason === 'StageDenied');
      expect(seen.status?.folds[1]).toMatchObject({ state: 'Starting', message: /no training this week/ });
      await allow();
      await expectCorrectEnd(world(), 'policed', { state: 'Complete', costs: { 'fold 1': { disruptions: 1 } }, maxCalls: 120 });
    });

    it('with a namespace that is being deleted ends quietly', async () => {
      const namespace = await freshNamespace(world().client);
      const operator = await world().startOperator({ settings: { watchNamespace: namespace } });
      await world().post('leaving', {}, namespace);
      await world().eventually('the first Job', () => operator.log.some((line) => line.includes('leaving')));
      await deleteNamespace(world().client, namespace);
      const path = resourcePath({ group: '', version: 'v1', plural: 'namespaces' }, { name: namespace });
      const isGone = async (): Promise<boolean> => {
        const answer = await world()
          .client.request({ method: 'GET', path })
          .then(
            () => false,
            () => true,
          );
        return answer;
      };
      await expect.poll(isGone, { timeout: 60_000, interval: 300 }).toBe(true);
      await operator.stop();
      const complaints = operator.log.filter((line) => /"level":"?(error|warn|50|40)/.test(line) && line.includes('leaving'));
      expect(complaints).toEqual([]);
    });
  });

  describe.concurrent('a clock that is wrong by three hours', () => {
    for (const pool of ['ahead', 'behind'] as const) {
      it(`(${pool}) changes no deadline and delays no retry`, async () => {
        const name = `clock-${pool}`;
        const spec: Spec = { placement: onPool(pool), run: { foldDeadline: '1h', startDeadline: '1h' } };
        await world().begin(name, spec, ({ fold, attempt }) =>
          fold === 1 ? (attempt === 1 ? { runMs: 1200, exitCode: 1 } : { runMs: 1200 }) : {},
        );
        await expectCorrectEnd(world(), name, { state: 'Complete', costs: { 'fold 1': { failures: 1 } } });
        const { status } = await world().read(name);
        for (const fold of status?.folds ?? []) expect(fold.activeSeconds).toBeLessThan(60);
      });
    }
  });

  describe.concurrent('a fold that fails for good', () => {
    it('lets the other folds finish; the experiment then fails, and run.retry continues only that fold', async () => {
      const held = gate();
      let isFixed = false;
      await world().begin('one-bad', {}, ({ fold }) => {
        if (fold === 1) return isFixed ? {} : { exitCode: 65, message: 'image-unreadable: the PNG ends early' };
        return fold === 2 ? held.script : {};
      });
      const failing = await world().until('one-bad', ({ status }) => status?.folds[1]?.state === 'Failed');
      expect(failing.status).toMatchObject({ state: 'Training', folds: [{}, { reason: 'InvalidData' }, {}] });
      held.open();
      await expectCorrectEnd(world(), 'one-bad', {
        state: 'Failed',
        reason: 'InvalidData',
        message: /fold 1 ended with exit 65: .*image-unreadable/s,
        costs: { 'fold 1': { failures: 1 } },
      });
      isFixed = true;
      await world().change('one-bad', { run: { retry: 1 } });
      const { status } = await world().until('one-bad', (seen) => hasCondition(seen, 'Complete'));
      expect(status?.folds.map(({ attempts }) => attempts)).toEqual([1, 2, 1]);
      expect(hasCondition(await world().read('one-bad'), 'Failed')).toBe(false);
    });

    it('stops the other folds with a checkpoint if run.onFoldFailure is stop', async () => {
      await world().begin('stop-all', { run: { onFoldFailure: 'stop' } }, ({ fold }) =>
        fold === 1 ? { exitCode: 65 } : fold === 2 ? gate().script : {},
      );
      await runningPod(world(), 'stop-all-fold-2-1');
      await expectCorrectEnd(world(), 'stop-all', { state: 'Failed', reason: 'InvalidData', costs: { 'fold 1': { failures: 1 } } });
      expect((await world().read('stop-all')).status?.folds[2]?.state).toBe('Stopped');
    });

    it('because of a lack of memory is cured by a patch of placement.memory and run.retry, and continues', async () => {
      const memoryOf = (pod: object): string => JSON.stringify(pod).match(/"limits":\{[^}]*"memory":"([^"]+)"/)?.[1] ?? '';
      await world().begin('oom', { run: { maxFailures: 0 } }, ({ fold }, pod) =>
        fold === 1 && memoryOf(pod.spec) === '48Gi' ? OUT_OF_MEMORY : {},
      );
      const { status } = await world().until('oom', (seen) => hasCondition(seen, 'Failed'));
      expect(failedMessage(status)).toMatch(/48Gi.*placement\.memory/s);
      await world().change('oom', { placement: { memory: '96Gi' }, run: { retry: 1 } });
      const cured = await world().until('oom', (seen) => hasCondition(seen, 'Complete'));
      expect(cured.status?.folds.map(({ attempts }) => attempts)).toEqual([1, 2, 1]);
    });
  });

  describe.concurrent('a stage that makes no progress', () => {
    it('for run.stallTimeout is stopped and retried as a disruption', async () => {
      const { metadata } = await world().begin('hung', { run: { stallTimeout: '3s' } }, foldOne(gate().script));
      await runningPod(world(), 'hung-fold-1-1');
      const key = `${foldKey({ metadata: { ...metadata, namespace: world().namespace } }, 1)}/progress.json`;
      const report = { stage: 'fold', fold: 1, state: 'running', epoch: 3, epochs: 9, updatedAt: new Date().toISOString() };
      await world().store.write(key, JSON.stringify(report));
      const seen = await world().until('hung', ({ status }) => status?.folds[1]?.disruptions === 1);
      expect(seen.status?.folds[1]).toMatchObject({ reason: 'StageStalled', failures: 0 });
      await expectCorrectEnd(world(), 'hung', { state: 'Complete', costs: { 'fold 1': { disruptions: 1 } } });
    });
  });

  describe.concurrent('a change after the end', () => {
    it('of inference runs only the ensemble again', async () => {
      await world().begin('rethought');
      await world().until('rethought', (seen) => hasCondition(seen, 'Complete'));
      await world().change('rethought', { inference: { threshold: 0.4 } });
      const { status } = await world().until(
        'rethought',
        (seen) => hasCondition(seen, 'Complete') && seen.status?.ensemble.attempts === 2 && seen.status.ensemble.state === 'Succeeded',
      );
      expect([status?.prepare, ...(status?.folds ?? [])].map((stage) => stage?.attempts)).toEqual([1, 1, 1, 1]);
    });
  });
}
