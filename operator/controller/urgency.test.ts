import type { ExperimentStatus, StageStatusState } from '@carpal/configs/experiment-status.ts';
import { FRESH_STAGE } from '@carpal/configs/experiment-status.ts';
import { describe, expect, it } from 'vitest';
import type { KeptJob } from '../jobs/kept-job.ts';
import type { KeptExperiment } from './experiment-object.ts';
import { urgencyOfJob, urgencyOfPod } from './urgency.ts';

const job = (end?: 'Complete' | 'Failed'): KeptJob => ({
  metadata: { name: 'wrist-fold-0-1' },
  spec: {},
  ...(end === undefined ? {} : { status: { conditions: [{ type: end, status: 'True' }] } }),
});
const experiment = (...states: StageStatusState[]): KeptExperiment => {
  const status = {
    folds: states.map((state, index) => ({ ...FRESH_STAGE, state, index })),
  } as Partial<ExperimentStatus> as ExperimentStatus;
  return { metadata: { name: 'wrist' }, object: { metadata: { name: 'wrist' }, status } };
};
const training = experiment('Running', 'Running');

describe('news of a Job', () => {
  it('that goes on can wait for more', () => {
    expect(urgencyOfJob({ type: 'added', object: job() }, training, () => [job()])).toBe('later');
    expect(urgencyOfJob({ type: 'modified', object: job() }, undefined, () => [job()])).toBe('later');
  });

  it('that is gone or has failed cannot', () => {
    expect(urgencyOfJob({ type: 'deleted', object: job() }, training, () => [job()])).toBe('soon');
    expect(urgencyOfJob({ type: 'modified', object: job('Failed') }, training, () => [job('Failed'), job()])).toBe('soon');
  });

  it('that has ended well matter when it was the last, or another fold waits for its place', () => {
    const ended = { type: 'modified', object: job('Complete') } as const;
    expect(urgencyOfJob(ended, training, () => [job('Complete'), job('Complete')])).toBe('soon');
    expect(urgencyOfJob(ended, training, () => [job('Complete'), job()])).toBe('later');
    expect(urgencyOfJob(ended, experiment('Running', 'Waiting'), () => [job('Complete'), job()])).toBe('soon');
    expect(urgencyOfJob(ended, experiment('Running', 'Stopped'), () => [job('Complete'), job()])).toBe('soon');
  });

  it('of an experiment that is not known yet do not wait', () => {
    expect(urgencyOfJob({ type: 'modified', object: job('Complete') }, undefined, () => [job()])).toBe('soon');
  });
});

describe('news of a pod', () => {
  it('can wait, but for its disappearance', () => {
    expect(urgencyOfPod({ type: 'modified' })).toBe('later');
    expect(urgencyOfPod({ type: 'deleted' })).toBe('soon');
  });
});
