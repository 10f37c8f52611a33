import { type ExperimentStatus, FRESH_STAGE, type StageStatusState } from '@carpal/configs/schema/status.ts';
import { at, attempt, fold } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { StageRun } from '../experiment/observed.ts';
import type { KeptJob } from '../jobs/kept-objects.ts';
import type { KeptExperiment } from './experiment-object.ts';
import { createReconcileDelay, lookAgainMs, urgencyOfJob, urgencyOfPod } from './reconcile-delay.ts';

const job = (end?: 'Complete' | 'Failed'): KeptJob => ({
  metadata: { name: 'wrist-fold-0-1' },
  spec: {},
  ...(end === undefined ? {} : { status: { conditions: [{ type: end, status: 'True' }] } }),
});
const experiment = (...states: StageStatusState[]): KeptExperiment => {
  const status = {
    folds: states.map((state, index) => ({ ...FRESH_STAGE, state, index })),
  } as Partial<ExperimentStatus> as ExperimentStatus;
  return { metadata: { name: 'wrist' }, object: { metadata: { name: 'wrist' }, status }, deletionRemovesArtifacts: false };
};
const training = experiment('Running', 'Running');

describe('a change of a Job', () => {
  it('that has not ended may wait', () => {
    expect(urgencyOfJob({ type: 'added', object: job() }, training, () => [job()])).toBe('later');
    expect(urgencyOfJob({ type: 'modified', object: job() }, undefined, () => [job()])).toBe('later');
  });

  it('that was deleted or has failed is reconciled soon', () => {
    expect(urgencyOfJob({ type: 'deleted', object: job() }, training, () => [job()])).toBe('soon');
    expect(urgencyOfJob({ type: 'modified', object: job('Failed') }, training, () => [job('Failed'), job()])).toBe('soon');
  });

  it('that is Complete is reconciled soon if it was the last one or a fold waits for a place', () => {
    const ended = { type: 'modified', object: job('Complete') } as const;
    expect(urgencyOfJob(ended, training, () => [job('Complete'), job('Complete')])).toBe('soon');
    expect(urgencyOfJob(ended, training, () => [job('Complete'), job()])).toBe('later');
    expect(urgencyOfJob(ended, experiment('Running', 'Waiting'), () => [job('Complete'), job()])).toBe('soon');
    expect(urgencyOfJob(ended, experiment('Running', 'Stopped'), () => [job('Complete'), job()])).toBe('soon');
  });

  it('whose experiment is not known yet is reconciled soon', () => {
    expect(urgencyOfJob({ type: 'modified', object: job('Complete') }, undefined, () => [job()])).toBe('soon');
  });
});

describe('a change of a pod', () => {
  it('may wait unless the pod was deleted', () => {
    expect(urgencyOfPod({ type: 'modified' })).toBe('later');
    expect(urgencyOfPod({ type: 'deleted' })).toBe('soon');
  });
});

describe('the delay of a change', () => {
  it('is zero for a change by a person, and short after an attempt has ended', () => {
    const delay = createReconcileDelay(500, () => 1);
    expect([delay.waitMs('now'), delay.waitMs('soon'), delay.waitMs('later')]).toEqual([0, 250, 2000]);
  });

  it('grows with the duration of steps, up to a limit, and shrinks again', () => {
    const delay = createReconcileDelay(500, () => 1);
    const waitAfter = (seconds: number): number => {
      for (let times = 0; times < 200; times++) delay.noteStep({ seconds });
      return delay.waitMs('later');
    };
    expect(waitAfter(0.02)).toBe(2000);
    expect(waitAfter(0.1)).toBeCloseTo(10_000, -1);
    expect(waitAfter(60)).toBe(15_000);
    expect(waitAfter(0.01)).toBe(2000);
    expect(delay.waitMs('soon')).toBe(250);
  });

  it('grows with the number of active experiments, up to a minute', () => {
    let active = 5;
    const delay = createReconcileDelay(500, () => active);
    expect(delay.waitMs('later')).toBe(2000);
    active = 100;
    expect(delay.waitMs('later')).toBe(10_000);
    active = 5000;
    expect([delay.waitMs('later'), delay.waitMs('soon'), delay.waitMs('now')]).toEqual([60_000, 250, 0]);
  });
});

describe('an attempt', () => {
  it.each<[string, Partial<StageRun>, number | undefined]>([
    ['that a queue has held for a minute', { state: 'queued' }, 60_000],
    ['that a queue has just got', { state: 'queued', pendingSince: at(90).toISOString() }, 6000],
    ['that a queue has just taken back', { state: 'queued', evictedAt: at(90).toISOString() }, 6000],
    ['that is pending', { state: 'pending' }, 180_000],
    ['that is being stopped, perhaps on a node that does not answer', { state: 'running', deleting: true }, 60_000],
    ['that runs', { state: 'running' }, undefined],
    ['that has ended', { state: 'failed' }, undefined],
  ])('%s is looked at again after a while: %j', (_what, fields, ms) => {
    expect(lookAgainMs([attempt(fold(0), 1, fields)], at(100))).toBe(ms);
  });
});
