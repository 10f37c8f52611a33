import { LABEL } from '@carpal/configs/names.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { Job, ObjectMeta, OwnerReference, Pod } from '@carpal/kubernetes/api/objects.ts';
import { failedPod, job, LABELS, runningPod } from '@carpal/testbed/operator/attempt-objects.ts';
import { at, attempt, experimentWith, fold, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { StageRun } from '../experiment/observed.ts';
import { plan } from '../experiment/plan.ts';
import { keepJob, keepPod } from './kept-objects.ts';
import { createKubernetesSubstrate } from './kubernetes-substrate.ts';
import { startedAttempts } from './own-objects.ts';
import { experimentUidOf } from './ownership.ts';
import { stageSettings } from './stage-settings.ts';

const SILENT: KubernetesClient = {
  request: () => Promise.reject(new Error('no request is expected')),
  watch: () => {
    throw new Error('no watch is expected');
  },
  close: () => undefined,
};
const one = experimentWith({ folds: [0] });
const running = plan(one, seen([prepared(), attempt(fold(0), 1, {})]), at(0)).status;

/** The attempts that the experiment recognises among Jobs and pods that all carry its labels. */
async function attempts(
  jobs: readonly Job[],
  pods: readonly Pod[],
  status: { readonly status?: ExperimentStatus } = { status: running },
): Promise<readonly StageRun[]> {
  const found = <Kept extends { readonly metadata: ObjectMeta }>(all: readonly Kept[]) => ({
    indexed: (uid: string) => all.filter((object) => experimentUidOf(object) === uid),
    absorb: () => undefined,
    forget: () => undefined,
  });
  const substrate = createKubernetesSubstrate({
    client: SILENT,
    jobs: found(jobs.map(keepJob)),
    pods: found(pods.map(keepPod)),
    experiment: one,
    settings: stageSettings({ image: 'carpal', artifactsUri: 's3://artifacts' }),
    now: () => new Date(0),
    started: startedAttempts(status.status),
  });
  return await substrate.observe();
}

const managedBy = (fields: Partial<OwnerReference>): Partial<ObjectMeta> => ({
  ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'wrist-fold-0-1', uid: 'another-job', controller: true, ...fields }],
});
const unowned = { ownerReferences: [] };
const elsewhere = { namespace: 'elsewhere' };
const final = (metadata: Partial<ObjectMeta>): Pod => failedPod({ exitCode: 78 }, { metadata });

describe('an object that carries the labels of an experiment but does not belong to it', () => {
  it.each<[string, readonly Job[], readonly Pod[]]>([
    ['a pod without an owner in another namespace', [], [final({ ...elsewhere, ...unowned })]],
    ['a pod in another namespace whose reference names its Job', [job()], [final(elsewhere)]],
    ['a pod in another namespace, managed by a Job of that name', [], [final({ ...elsewhere, ...managedBy({}) })]],
    ['a Job in another namespace', [job({ metadata: elsewhere })], [final(elsewhere)]],
    ['a pod that a Job of another name manages', [job()], [final(managedBy({ name: 'mine' }))]],
    ['a pod that something other than a Job manages', [job()], [final(managedBy({ kind: 'ReplicaSet' }))]],
    ['a pod of an attempt that has not started', [job()], [final({ ...unowned, labels: { ...LABELS, [LABEL.attempt]: '2' } })]],
    ['a pod of an attempt without a number', [job()], [final({ ...unowned, labels: { ...LABELS, [LABEL.attempt]: '0' } })]],
    ['a pod of an experiment with another name', [job()], [final({ ...unowned, labels: { ...LABELS, [LABEL.experiment]: 'other' } })]],
    [
      'a pod that belongs to something else',
      [job()],
      [final({ ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'n' }] })],
    ],
    ['a Job with another name', [job(), job({ metadata: { name: 'mine', uid: 'another-job' } })], [final(managedBy({ name: 'mine' }))]],
  ])('is ignored: %s', async (_what, jobs, pods) => {
    const runs = await attempts(jobs, pods);
    expect(runs.filter(({ exitCode }) => exitCode !== undefined)).toEqual([]);
    expect(runs.map(({ name }) => name)).toEqual(jobs.some(({ metadata }) => metadata.namespace === 'default') ? ['wrist-fold-0-1'] : []);
  });

  it('is ignored before any attempt has started', async () => {
    expect(await attempts([], [runningPod({ metadata: unowned })], {})).toEqual([]);
  });
});

describe('an object that belongs to an experiment although its Job is gone', () => {
  const owner = { apiVersion: 'carpal.dev/v1alpha1', kind: 'SegmentationExperiment', name: 'wrist', uid: 'u1' };

  it.each([
    ['the pod of an attempt that the status records as started', {}],
    ['an orphaned pod', unowned],
    ['an orphaned pod that was adopted', { ownerReferences: [owner] }],
  ])('occupies its stage: %s', async (_what, metadata) => {
    expect(await attempts([], [runningPod({ metadata })])).toMatchObject([{ name: 'wrist-fold-0-1', attempt: 1, state: 'running' }]);
  });
});
