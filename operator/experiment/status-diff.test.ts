import { at, attempt, experimentWith, fold, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import { plan } from './plan.ts';
import { type StatusChange, statusDiff } from './status-diff.ts';

const TWO = experimentWith({ folds: [0, 1] });
const begun = plan(TWO, seen([]), at(0)).status;
const training = plan(TWO, seen([prepared()], begun), at(1)).status;

const ONE = experimentWith({ folds: [0] });
const starting = plan(ONE, seen([prepared()]), at(0)).status;
const running = plan(ONE, seen([prepared(), attempt(fold(0), 1, {})], starting), at(50)).status;

/** State changes in the form `fold 0: Waiting → Starting`. */
const states = (changes: readonly StatusChange[]): string[] =>
  changes.flatMap((change) => {
    if (change.kind === 'experiment') return [`${change.from} → ${change.to}`];
    if (change.kind === 'condition') return [];
    const { key, before, after } = change;
    return [`${key.stage}${key.fold ?? ''} ${after.attempts}: ${before.state} → ${after.state}`];
  });
const ofStages = (changes: readonly StatusChange[]) => changes.filter((change) => change.kind === 'stage');

describe('the difference of two statuses', () => {
  it('lists the state of the experiment first, then each stage that has another state', () => {
    expect(states(statusDiff(undefined, begun))).toEqual(['Pending → Preparing', 'prepare 1: Waiting → Starting']);
    expect(states(statusDiff(begun, training))).toEqual([
      'Preparing → Training',
      'prepare 1: Starting → Succeeded',
      'fold0 1: Waiting → Starting',
      'fold1 1: Waiting → Starting',
    ]);
  });

  it('lists a condition only if its status changes', () => {
    const conditions = statusDiff(begun, training).filter((change) => change.kind === 'condition');
    expect(conditions.map(({ after: { type, status } }) => `${type} ${status}`)).toEqual(['Prepared True']);
  });

  it('lists an attempt that replaces another one in the same state', () => {
    const failed = attempt(fold(0), 1, { state: 'failed', exitCode: 75, stopRequested: true, finishedAt: at(9).toISOString() });
    const again = plan(TWO, seen([prepared(), failed], training), at(10)).status;
    expect(ofStages(statusDiff(training, again))).toMatchObject([
      { key: fold(0), starts: true, after: { state: 'Starting', attempts: 2 } },
    ]);
  });

  it('is empty if only figures change', () => {
    expect(statusDiff(training, { ...training, progress: '50%' })).toEqual([]);
  });

  it('reports a held start once for each reason', () => {
    const held = { ...fold(0), attempt: 1, message: 'exceeded quota: jobs', againMs: 1000 };
    const first = plan(ONE, { ...seen([prepared()], starting), held: [held] }, at(10)).status;
    expect(ofStages(statusDiff(starting, first))).toMatchObject([{ key: fold(0), isHeld: true, starts: false, ends: [] }]);
    const second = plan(ONE, { ...seen([prepared()], first), held: [held] }, at(20)).status;
    expect(ofStages(statusDiff(first, second))).toEqual([]);
  });
});

describe('an attempt that ends', () => {
  it.each([
    ['successfully', { state: 'succeeded', exitCode: 0 }, 'succeeded', 'Succeeded'],
    ['with a failure', { state: 'failed', exitCode: 1 }, 'failed', 'Waiting'],
    ['because of a disruption', { state: 'failed', exitCode: 137, disrupted: true }, 'disrupted', 'Waiting'],
    ['on request, with its successor in the same status', { state: 'failed', exitCode: 75, stopRequested: true }, 'stopped', 'Starting'],
  ] as const)('%s is listed once, with the seconds that it ran', (_how, end, outcome, state) => {
    const ended = seen([prepared(), attempt(fold(0), 1, { ...end, finishedAt: at(100).toISOString() })], running);
    const { status, changes } = plan(ONE, ended, at(100));
    expect(status.folds[0]?.state).toBe(state);
    const ends = ofStages(changes).filter((change) => change.ends.length > 0);
    expect(ends).toMatchObject([{ key: fold(0), ends: [outcome], ranSeconds: 100 }]);
    expect(plan(ONE, seen([prepared()], status), at(100)).changes).toEqual([]);
  });

  it('is not listed when an attempt begins', () => {
    expect(ofStages(statusDiff(starting, running))).toMatchObject([{ key: fold(0), ends: [] }]);
  });

  it('is listed even if the status before it was lost', () => {
    expect(ofStages(statusDiff(undefined, starting))[0]).toMatchObject({ key: { stage: 'prepare' }, starts: true, ends: ['succeeded'] });
  });
});
