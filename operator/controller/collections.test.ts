import { LABEL } from '@carpal/configs/names.ts';
import type { KubernetesClient } from '@carpal/kubernetes/api/client.ts';
import type { Pod } from '@carpal/kubernetes/api/objects.ts';
import { silentLog } from '@carpal/kubernetes/runtime/logger.ts';
import { job, jobCondition, LABELS } from '@carpal/testbed/operator/attempt-objects.ts';
import { describe, expect, it } from 'vitest';
import { type Collections, createCollections } from './collections.ts';
import { type ActiveExperiments, createActiveExperiments } from './experiment-memory.ts';
import type { ExperimentObject } from './experiment-object.ts';

const NEVER: KubernetesClient = {
  request: () => Promise.reject(new Error('no request is expected')),
  watch: () => {
    throw new Error('no watch is expected');
  },
  close: () => undefined,
};

const UID = LABELS[LABEL.experimentUid];
const KEY = 'default/wrist';
const running = job();
const experimentOf = (uid: string, resourceVersion: string): ExperimentObject => ({
  metadata: { name: 'wrist', namespace: 'default', uid, resourceVersion },
});

/** Collections that hold the running Job, and an experiment with the Job's experiment name and the given uid. */
function known(uid: string): { readonly collections: Collections; readonly active: ActiveExperiments } {
  const active = createActiveExperiments({ classLists: [], now: () => new Date(0), log: silentLog });
  const collections = createCollections({ client: NEVER, active, onDue: () => undefined, random: () => 0.5, log: silentLog });
  collections.experiments.absorb(experimentOf(uid, '1100'));
  collections.jobs.absorb(running);
  return { collections, active };
}

describe('a Job that disappears', () => {
  it('is remembered while its experiment is active if the Job had not ended', () => {
    const { collections, active } = known(UID);
    expect(active.get(KEY)?.goneJobs).toEqual(new Set());
    collections.jobs.forget(running);
    expect(active.get(KEY)?.goneJobs).toEqual(new Set([running.metadata.name]));
    collections.experiments.forget(experimentOf(UID, '1300'));
    expect(active.get(KEY)).toBeUndefined();
  });

  it('is not remembered if it had ended', () => {
    const { collections, active } = known(UID);
    const ended = job({ metadata: { resourceVersion: '1250' }, status: { conditions: [jobCondition('Complete')] } });
    collections.jobs.absorb(ended);
    collections.jobs.forget(ended);
    expect(active.get(KEY)?.goneJobs).toEqual(new Set());
  });

  it('is not remembered if it belonged to an earlier experiment with the same name', () => {
    const { collections, active } = known('the-next');
    collections.jobs.forget(running);
    expect(active.get(KEY)?.goneJobs).toEqual(new Set());
  });
});

describe('the memory of an experiment', () => {
  const ENDED = { conditions: [{ type: 'Complete', status: 'True' }] } as unknown as NonNullable<ExperimentObject['status']>;

  it('lives as long as the experiment is active', () => {
    const { collections, active } = known(UID);
    const memory = active.get(KEY);
    collections.experiments.absorb(experimentOf(UID, '1200'));
    expect([active.size, active.get(KEY)]).toEqual([1, memory]);
    collections.experiments.absorb({ ...experimentOf(UID, '1300'), status: ENDED });
    expect([active.size, active.get(KEY)]).toEqual([0, undefined]);
  });

  it('is dropped when the experiment is being deleted, and replaced when another experiment gets the same name', () => {
    const { collections, active } = known(UID);
    const memory = active.get(KEY);
    const deleted = experimentOf(UID, '1200');
    collections.experiments.absorb({ ...deleted, metadata: { ...deleted.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
    expect(active.get(KEY)).toBeUndefined();
    collections.experiments.absorb(experimentOf('the-next', '1300'));
    expect(active.get(KEY)).toMatchObject({ uid: 'the-next' });
    expect(active.get(KEY)).not.toBe(memory);
  });
});

describe('a pod without an owner', () => {
  const pod = (resourceVersion: string, fields: object = {}): Pod => ({
    metadata: { name: 'wrist-fold-1-1-abc', namespace: 'default', uid: 'p1', resourceVersion, labels: LABELS, ...fields },
    spec: {},
  });

  it('is found by the name of its experiment until it is gone or has an owner', () => {
    const { collections } = known(UID);
    const names = (): readonly string[] => collections.ownerless(KEY).map(({ metadata }) => metadata.name);
    const ownerReferences = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'wrist-fold-1-1', uid: 'j1', controller: true }];
    collections.pods.absorb(pod('1100', { ownerReferences }));
    expect(names()).toEqual([]);
    collections.pods.absorb(pod('1200'));
    expect(names()).toEqual(['wrist-fold-1-1-abc']);
    collections.pods.absorb(pod('1300', { ownerReferences }));
    expect(names()).toEqual([]);
    collections.pods.absorb(pod('1400'));
    collections.pods.forget(pod('1400'));
    expect(names()).toEqual([]);
  });
});
