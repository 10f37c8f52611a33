import { LABEL } from '@carpal/configs/names.ts';
import { job, jobCondition, LABELS } from '@carpal/testbed/kubernetes/attempt-objects.ts';
import { describe, expect, it } from 'vitest';
import { keepJob } from '../jobs/kept-job.ts';
import { createGoneJobs } from './gone-jobs.ts';

const running = keepJob(job());
const { name } = running.metadata;
const uid = LABELS[LABEL.experimentUid];

describe('Jobs that are gone', () => {
  it('are remembered where they had not ended, until their experiment has', () => {
    const gone = createGoneJobs();
    expect(gone.has(uid, name)).toBe(false);
    gone.note(running);
    expect([gone.has(uid, name), gone.has('another', name), gone.has(uid, 'another')]).toEqual([true, false, false]);
    gone.forget(uid);
    expect(gone.has(uid, name)).toBe(false);
  });

  it('had ended mostly, and then are nothing to remember', () => {
    const gone = createGoneJobs();
    gone.note(keepJob(job({ status: { conditions: [jobCondition('Complete')] } })));
    expect(gone.has(uid, name)).toBe(false);
  });
});
