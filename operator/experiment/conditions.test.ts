import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { at, attempt, ENSEMBLE, experimentWith, fold, PREPARE, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { HeldStart, StageRun } from './observed.ts';
import { plan } from './plan.ts';

const time = (second: number): string => at(second).toISOString();
const done = (index: number): StageRun => attempt(fold(index), 1, { state: 'succeeded', finishedAt: time(90) });
const trains = (index: number, fields: Partial<StageRun> = {}): StageRun => attempt(fold(index), 1, fields);
const queued = (index: number): StageRun => trains(index, { state: 'queued', message: 'waits in queue gpu' });
const full = (index: number): StageRun =>
  trains(index, { state: 'pending', waitsFor: 'capacity', message: '0/1 nodes are available: 1 Insufficient nvidia.com/gpu.' });
const broken = (index: number, exitCode = 1): StageRun => trains(index, { state: 'failed', exitCode, finishedAt: time(99) });
const denied = (index: number): HeldStart => ({ ...fold(index), attempt: 1, message: 'exceeded quota', againMs: 1000, cause: 'denied' });

type Given = { readonly runs: readonly StageRun[]; readonly held?: readonly HeldStart[]; readonly before?: ExperimentStatus };

const statusOf = ({ runs, held = [], before }: Given, second = 100, suspend = false): ExperimentStatus =>
  plan(experimentWith({ suspend }), { ...seen([prepared(), ...runs], before), held }, at(second)).status;
const conditionOf = ({ conditions }: ExperimentStatus, type: string): string => {
  const found = conditions.find((condition) => condition.type === type);
  return `${found?.status} ${found?.reason}: ${found?.message}`;
};

const starting = statusOf({ runs: [] });
const training = statusOf({ runs: [trains(0), trains(1), trains(2)] });

/** The state and the reason that tables show, and the condition Training. */
const ROWS: [string, Given, readonly [string, string, string]][] = [
  ['all folds are about to start', { runs: [] }, ['Training', 'StagePending', 'False StagePending: 0 of 3 folds finished']],
  [
    'all folds wait for a node',
    { runs: [full(0), full(1), full(2)] },
    [
      ...(['Pending', 'WaitingForCapacity'] as const),
      'False WaitingForCapacity: 0 of 3 folds finished, 3 wait: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.',
    ],
  ],
  [
    'all folds are queued',
    { runs: [queued(0), queued(1), queued(2)] },
    ['Queued', 'Queued', 'False Queued: 0 of 3 folds finished, 3 wait: waits in queue gpu'],
  ],
  [
    'a queue has evicted the only fold that trained',
    { runs: [done(0), done(1), trains(2, { state: 'queued', evictedAt: time(95), message: 'preempted' })], before: training },
    ['Queued', 'Queued', 'False Queued: 2 of 3 folds finished, 1 waits: preempted'],
  ],
  [
    'the start of all folds is held',
    { runs: [], held: [denied(0), denied(1), denied(2)], before: starting },
    ['Pending', 'StageDenied', 'False StageDenied: 0 of 3 folds finished, 3 wait: exceeded quota'],
  ],
  [
    'one fold trains and the others are queued',
    { runs: [trains(0), queued(1), queued(2)] },
    ['Training', 'FoldsRunning', 'True FoldsRunning: 0 of 3 folds finished, 2 wait: waits in queue gpu'],
  ],
  [
    'one fold trains and another waits for its next attempt',
    { runs: [broken(0), trains(1), trains(2)] },
    ['Training', 'FoldsRunning', 'True FoldsRunning: 0 of 3 folds finished'],
  ],
  [
    'one fold trains and another has failed for good',
    { runs: [broken(0, 65), trains(1), trains(2)] },
    ['Training', 'FoldsRunning', 'True FoldsRunning: 0 of 3 folds finished, 1 failed'],
  ],
  [
    'all folds wait for their next attempts',
    { runs: [broken(0), broken(1), broken(2)] },
    ['Training', 'StageFailed', 'False StageFailed: 0 of 3 folds finished'],
  ],
  [
    'the only fold that trained is on a lost node',
    { runs: [done(0), done(1), trains(2, { lost: true, deleting: true })], before: training },
    ['Training', 'StageDisrupted', 'False StageDisrupted: 2 of 3 folds finished'],
  ],
  [
    'all folds have finished',
    { runs: [done(0), done(1), done(2), attempt(ENSEMBLE, 1, {})] },
    ['Ensembling', 'Ensembling', 'False FoldsFinished: 3 of 3 folds finished'],
  ],
];

describe('the condition Training and the summary', () => {
  it.each(ROWS)('say what happens now when %s', (_what, given, expected) => {
    const status = statusOf(given);
    expect([status.state, status.reason, conditionOf(status, 'Training')]).toEqual(expected);
  });

  it('are True only while a container runs when the experiment is suspended', () => {
    const stopping = statusOf({ runs: [trains(0)] }, 101, true);
    expect([stopping.state, conditionOf(stopping, 'Training')]).toEqual(['Suspended', 'True FoldsRunning: 0 of 3 folds finished']);
    const suspended = statusOf({ runs: [], before: stopping }, 110, true);
    expect([suspended.state, conditionOf(suspended, 'Training')]).toEqual(['Suspended', 'False SuspendedByUser: 0 of 3 folds finished']);
  });
});

describe('the condition Prepared', () => {
  it('says why prepare does not run', () => {
    const waits = attempt(PREPARE, 1, { state: 'queued', message: 'waits in queue cpu' });
    const { status } = plan(experimentWith(), seen([waits]), at(5));
    expect(conditionOf(status, 'Prepared')).toBe('False Queued: waits in queue cpu');
    expect(conditionOf(plan(experimentWith(), seen([attempt(PREPARE, 1, {})]), at(5)).status, 'Prepared')).toBe('False Preparing: ');
  });
});
