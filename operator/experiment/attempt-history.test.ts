import { at, attempt, experimentWith, fold, PREPARE, prepared, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { StageRun } from './observed.ts';
import { plan } from './plan.ts';

const time = (second: number): string => at(second).toISOString();
const trains = (index: number, started: number, fields: Partial<StageRun> = {}): StageRun =>
  attempt(fold(index), 1, { startedAt: time(started), node: `gpu-${index}`, ...fields });
const log = (name: string): string => `experiments/default/wrist/u1/logs/${name}.txt`;

describe('an attempt whose end is not observed', () => {
  it('counts up to the end of the experiment if another fold ends it', () => {
    const experiment = experimentWith({ onFoldFailure: 'stop' });
    const wrong = trains(0, 10, { state: 'failed', exitCode: 65, finishedAt: time(40) });
    const { status } = plan(experiment, seen([prepared(), wrong, trains(1, 20), attempt(fold(2), 1, { state: 'pending' })]), at(50));
    expect(status).toMatchObject({ state: 'Failed', gpuSeconds: 60 });
    expect(status.folds).toEqual([
      expect.objectContaining({ state: 'Failed', activeSeconds: 30 }),
      {
        ...{ index: 1, state: 'Stopped', attempts: 1, failures: 0, disruptions: 0, activeSeconds: 30 },
        lastAttempts: [
          {
            ...{ attempt: 1, startedAt: time(20), finishedAt: time(50), node: 'gpu-1', reason: 'StoppedWithCheckpoint' },
            log: log('fold-1-1'),
          },
        ],
      },
      { index: 2, state: 'Stopped', attempts: 1, failures: 0, disruptions: 0, activeSeconds: 0 },
    ]);
  });

  it('counts up to its deadline if it misses it, and is listed with that reason', () => {
    const experiment = experimentWith({ foldDeadline: '1m' });
    const runs = [prepared(), trains(0, 10), trains(1, 65)];
    const before = plan(experiment, seen(runs), at(66)).status;
    const { status } = plan(experiment, seen(runs, before), at(70));
    expect(status.folds[0]).toMatchObject({ state: 'Failed', reason: 'FoldDeadlineExceeded', activeSeconds: 60 });
    expect(status.folds[0]?.startedAt).toBeUndefined();
    expect(status.folds[0]?.lastAttempts).toMatchObject([{ attempt: 1, finishedAt: time(70), reason: 'FoldDeadlineExceeded' }]);
    expect(status.folds[1]).toMatchObject({ state: 'Running', startedAt: time(65) });
    expect(plan(experiment, seen(runs, status), at(75)).status.folds[0]).toEqual(status.folds[0]);
  });
});

describe('the logs of the last attempts', () => {
  it('are at the keys to which the stages write them', () => {
    const failed = attempt(PREPARE, 1, { state: 'failed', exitCode: 1, finishedAt: time(5) });
    const { status } = plan(experimentWith(), seen([failed]), at(6));
    expect(status.prepare.lastAttempts).toMatchObject([{ attempt: 1, exitCode: 1, reason: 'StageFailed', log: log('prepare-1') }]);
  });
});
