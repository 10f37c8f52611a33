import type { StageProgress } from '@carpal/configs/schema/progress.ts';
import type { ExperimentStatus, FoldStatus } from '@carpal/configs/schema/status.ts';
import { at, attempt, experimentWith, fold, prepared, report, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { Heartbeat, Observed, StageRun } from './observed.ts';
import { plan } from './plan.ts';

const ONE = experimentWith({ folds: [0] });
const time = (second: number): string => at(second).toISOString();
const trains = (index = 0, fields: Partial<StageRun> = {}): StageRun => attempt(fold(index), 1, fields);
const says = (index: number, second: number, fields: Partial<StageProgress> = {}): StageProgress =>
  report(index, { epoch: 5, epochs: 10, etaSeconds: 600, updatedAt: time(second), ...fields });

type Given = {
  readonly runs: readonly StageRun[];
  readonly reports: readonly StageProgress[];
  readonly heartbeats?: readonly Heartbeat[];
  readonly before?: ExperimentStatus;
};
const statusAt = (second: number, { runs, reports, heartbeats, before }: Given, experiment = ONE): ExperimentStatus => {
  const observed: Observed = seen([prepared(), ...runs], before, reports);
  const progress = heartbeats === undefined ? observed.progress : { ...observed.progress, heartbeats };
  return plan(experiment, { ...observed, progress }, at(second)).status;
};

describe('the estimated completion', () => {
  const eta = (second: number, given: Given, experiment = ONE): string | undefined =>
    statusAt(second, given, experiment).estimatedCompletionTime;

  it('counts from the report, so that it does not move while time passes', () => {
    const given = { runs: [trains()], reports: [says(0, 60)] };
    expect([60, 61, 300, 650].map((second) => eta(second, given))).toEqual(Array(4).fill('2000-01-01T00:11:00Z'));
  });

  it('counts from when the operator saw the report change, because the clock of the node may be wrong', () => {
    for (const wrong of [-10_800, 10_800]) {
      const given = {
        ...{ runs: [trains()], reports: [says(0, 60 + wrong)] },
        heartbeats: [{ ...fold(0), changedAt: time(60), readAt: time(120) }],
      };
      expect([120, 300].map((second) => eta(second, given))).toEqual(Array(2).fill('2000-01-01T00:11:00Z'));
    }
  });

  it('is not later than the report allows if the clock of the node is ahead and no operator saw the report change', () => {
    expect(eta(60, { runs: [trains()], reports: [says(0, 10_860)] })).toBe('2000-01-01T00:11:00Z');
  });

  it('is never in the past: it is absent once it has passed', () => {
    const given = { runs: [trains()], reports: [says(0, 60)] };
    for (let second = 60; second < 2000; second += 7) {
      const estimate = eta(second, given);
      if (estimate !== undefined) expect(Date.parse(estimate)).toBeGreaterThanOrEqual(at(second).getTime());
    }
    expect(eta(661, given)).toBeUndefined();
  });

  it.each<[string, StageRun]>([
    ['is queued', trains(0, { state: 'queued', message: 'waits in queue gpu', evictedAt: time(70) })],
    ['waits for a node', trains(0, { state: 'pending', pendingSince: time(75) })],
    ['waits for its next attempt', trains(0, { state: 'failed', exitCode: 75, finishedAt: time(79) })],
  ])('is absent while no fold runs: it %s', (_what, run) => {
    const before = statusAt(61, { runs: [trains()], reports: [says(0, 60)] });
    expect(before.estimatedCompletionTime).toBeDefined();
    expect(eta(80, { runs: [run], reports: [says(0, 60)], before })).toBeUndefined();
  });

  it('is absent while the only running fold is stopping', () => {
    expect(eta(70, { runs: [trains(0, { stopRequested: true })], reports: [says(0, 60)] })).toBeUndefined();
  });

  it('counts the rest of a resumed fold from its start, until the fold reports again', () => {
    const resumed = attempt(fold(0), 2, { startedAt: time(3600), pendingSince: time(3590) });
    const failed = trains(0, { state: 'failed', exitCode: 75, finishedAt: time(100) });
    expect(eta(3630, { runs: [failed, resumed], reports: [says(0, 60)] })).toBe('2000-01-01T01:10:00Z');
  });

  it('includes folds that wait, after the folds that run', () => {
    const three = experimentWith({ parallelism: 1 });
    // Fold 1 runs. Fold 0 waits for its next attempt, and fold 2 for its turn: 600 s, then 600 s, then 1200 s.
    const runs = [trains(0, { state: 'failed', exitCode: 75, finishedAt: time(59) }), trains(1)];
    const estimate = eta(60, { runs, reports: [says(0, 50), says(1, 60)] }, three);
    expect(estimate).toBe('2000-01-01T00:41:00Z');
  });

  it('expects folds that find no capacity one after the other, whatever run.parallelism allows', () => {
    const noRoom = { state: 'pending', waitsFor: 'capacity', message: '0/1 nodes are available', pendingSince: time(10) } as const;
    // Fold 0 needs 600 s more, and the others 1200 s each.
    const given = { runs: [trains(), trains(1, noRoom), trains(2, noRoom)], reports: [says(0, 60)] };
    expect(eta(60, given, experimentWith({ parallelism: 3 }))).toBe('2000-01-01T00:51:00Z');
  });
});

describe('the epoch that a fold shows', () => {
  const foldAt = (second: number, given: Given): FoldStatus | undefined => statusAt(second, given).folds[0];
  const before = statusAt(61, { runs: [trains()], reports: [says(0, 60, { epoch: 5, loss: 0.5 })] });

  it('follows the last report of an attempt that was stopped: its checkpoint has that epoch', () => {
    const queued = trains(0, { state: 'queued', evictedAt: time(70) });
    expect(foldAt(80, { runs: [queued], reports: [says(0, 70, { epoch: 6, state: 'stopped' })], before })).toMatchObject({ epoch: 6 });
  });

  it('stays while no report is known, and is not taken from a report that is older than the status', () => {
    const queued = trains(0, { state: 'queued', evictedAt: time(70) });
    expect(foldAt(80, { runs: [queued], reports: [], before })).toMatchObject({ epoch: 5, loss: 0.5 });
    expect(foldAt(80, { runs: [queued], reports: [says(0, 20, { epoch: 2, loss: 0.9 })], before })).toMatchObject({ epoch: 5, loss: 0.5 });
    const resumed = trains(0, { pendingSince: time(200), startedAt: time(201) });
    expect(foldAt(202, { runs: [resumed], reports: [says(0, 60, { epoch: 4 })], before })).toMatchObject({ epoch: 5 });
  });

  it('falls when the fold continues from an older checkpoint, or starts over', () => {
    const second = attempt(fold(0), 2, { pendingSince: time(200), startedAt: time(201) });
    const killed = trains(0, { state: 'failed', exitCode: 137, finishedAt: time(70) });
    for (const epoch of [3, 0]) {
      expect(foldAt(210, { runs: [killed, second], reports: [says(0, 205, { epoch })], before })).toMatchObject({ epoch });
    }
  });
});

describe('the warnings of a stage', () => {
  const WARNING = 'class Radius is never predicted';
  const warningsAt = (second: number, given: Given): readonly string[] | undefined => statusAt(second, given).folds[0]?.warnings;
  const before = statusAt(61, { runs: [trains()], reports: [says(0, 60, { warnings: [WARNING] })] });

  it('are those of its report, and are absent if it has none', () => {
    expect(before.folds[0]?.warnings).toEqual([WARNING]);
    expect(statusAt(61, { runs: [trains()], reports: [says(0, 60)] }).folds[0]).not.toHaveProperty('warnings');
    const observed = seen([attempt({ stage: 'prepare' }, 1, {})]);
    const prepare: StageProgress = { stage: 'prepare', state: 'running', updatedAt: time(60), warnings: [WARNING] };
    const { status } = plan(ONE, { ...observed, progress: { folds: new Map(), prepare } }, at(61));
    expect(status.prepare.warnings).toEqual([WARNING]);
  });

  it('stay when no report is known any more, and after the fold has finished', () => {
    const done = trains(0, { state: 'succeeded', finishedAt: time(70) });
    expect(warningsAt(80, { runs: [done], reports: [], before })).toEqual([WARNING]);
  });

  it('stay until the next attempt reports, and then are those of that attempt', () => {
    const killed = trains(0, { state: 'failed', exitCode: 137, finishedAt: time(70) });
    const second = attempt(fold(0), 2, { pendingSince: time(200), startedAt: time(201) });
    const runs = [killed, second];
    expect(warningsAt(202, { runs, reports: [says(0, 60, { warnings: [WARNING] })], before })).toEqual([WARNING]);
    expect(warningsAt(206, { runs, reports: [says(0, 205)], before })).toBeUndefined();
    expect(warningsAt(206, { runs, reports: [says(0, 205, { warnings: ['other'] })], before })).toEqual(['other']);
  });
});
