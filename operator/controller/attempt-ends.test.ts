import { at, attempt, experimentWith, fold, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { plan } from '../experiment/plan.ts';
import { attemptEnds } from './attempt-ends.ts';

const one = experimentWith({ folds: [0] });
const starting = plan(one, seen([prepared()]), at(0)).status;
const running = plan(one, seen([prepared(), attempt(fold(0), 1, {})], starting), at(50)).status;

describe('the end of an attempt, for the metrics', () => {
  it.each([
    ['well', { state: 'succeeded', exitCode: 0 }, 'succeeded', 'Succeeded'],
    ['in failure', { state: 'failed', exitCode: 1 }, 'failed', 'Waiting'],
    ['since it was taken away', { state: 'failed', exitCode: 137, disrupted: true }, 'disrupted', 'Waiting'],
    ['on request, with its successor in the same status', { state: 'failed', exitCode: 75, stopRequested: true }, 'stopped', 'Starting'],
  ] as const)('%s is told once, with the seconds of its GPU', (_how, end, outcome, state) => {
    const ended = seen([prepared(), attempt(fold(0), 1, { ...end, finishedAt: at(100).toISOString() })], running);
    const after = plan(one, ended, at(100)).status;
    expect(after.folds[0]?.state).toBe(state);
    expect(attemptEnds(one, running, after)).toEqual([{ stage: 'fold', outcome, gpuSeconds: 100 }]);
    expect(attemptEnds(one, after, after)).toEqual([]);
  });

  it('is none of its beginning', () => {
    expect(attemptEnds(one, undefined, starting)).toMatchObject([{ stage: 'prepare', outcome: 'succeeded' }]);
    expect(attemptEnds(one, starting, running)).toEqual([]);
  });
});
