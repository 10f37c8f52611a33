import { FRESH_STAGE, type StageStatus } from '@carpal/configs/schema/status.ts';
import { at, attempt, fold } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { countStageAttempts } from './count-attempts.ts';
import { DEFAULT_RETRY } from './retry-policy.ts';

const BUDGETS = { maxFailures: 2, maxDisruptions: 2 };
const RUNNING: StageStatus = { ...FRESH_STAGE, state: 'Running', attempts: 1, startedAt: at(0).toISOString(), node: 'gpu-0' };
const count = (previous: StageStatus, run: Parameters<typeof attempt>[2], number = 1): StageStatus =>
  countStageAttempts(previous, [attempt(fold(0), number, run)], BUDGETS, DEFAULT_RETRY, at(9));

describe('an observation that is older than the status', () => {
  it('does not make a running attempt pending again and keeps its start time and node', () => {
    expect(count(RUNNING, { state: 'pending' })).toEqual(RUNNING);
  });

  it('is not assumed if a later attempt is pending', () => {
    expect(count({ ...FRESH_STAGE, state: 'Waiting', attempts: 1 }, { state: 'pending' }, 2)).toMatchObject({
      state: 'Pending',
      attempts: 2,
    });
  });

  it('is not assumed if a queue has taken the attempt back', () => {
    const queued = count(RUNNING, { state: 'queued' });
    expect(queued).toMatchObject({ state: 'Queued', attempts: 1 });
    expect(queued.node).toBeUndefined();
  });
});
