import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { at, attempt, ENSEMBLE, experimentWith, fold, PREPARE, prepared, report, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { StageRun } from './observed.ts';
import { type Plan, plan } from './plan.ts';

const names = (planned: Plan): string[] => planned.start.map(({ name }) => name);
const condition = (status: ExperimentStatus, type: string): string => {
  const found = status.conditions.find((one) => one.type === type);
  return `${found?.status} ${found?.reason}`;
};
const succeeded = (index: number): StageRun => attempt(fold(index), 1, { state: 'succeeded', finishedAt: at(100).toISOString() });
const failedFold = (exitCode: number, fields: Partial<StageRun> = {}): StageRun =>
  attempt(fold(0), 1, { state: 'failed', exitCode, finishedAt: at(100).toISOString(), ...fields });

describe('the order of the stages', () => {
  it.each([
    ['nothing exists: prepare starts', [], 5, ['wrist-prepare-1']],
    ['prepare runs: nothing starts', [attempt(PREPARE, 1, {})], 5, []],
    ['prepare is done: every fold starts', [prepared()], 5, ['wrist-fold-0-1', 'wrist-fold-1-1', 'wrist-fold-2-1']],
    ['two places are free: two folds start', [prepared()], 2, ['wrist-fold-0-1', 'wrist-fold-1-1']],
    ['one of two places is taken: one fold starts', [prepared(), attempt(fold(0), 1, {})], 2, ['wrist-fold-1-1']],
    ['a fold in a queue takes a place', [prepared(), attempt(fold(0), 1, { state: 'queued' })], 1, []],
    ['a fold that is stopping takes a place', [prepared(), attempt(fold(0), 1, { stopRequested: true })], 1, []],
    ['all folds are done: the ensemble starts', [prepared(), succeeded(0), succeeded(1), succeeded(2)], 5, ['wrist-ensemble-1']],
    ['a fold is missing: the ensemble does not start', [prepared(), succeeded(0), succeeded(1), attempt(fold(2), 1, {})], 5, []],
  ])('%s', (_case, runs, parallelism, started) => {
    expect(names(plan(experimentWith({ parallelism }), seen(runs), at(200)))).toEqual(started);
  });
});

describe('the GPU of a fold', () => {
  const one = experimentWith({ folds: [0], maxFailures: 5 });
  const gpuReport = (gpu: string, second: number) => report(0, { gpu, epoch: 1, epochs: 9, updatedAt: at(second).toISOString() });
  const runs = (number: number, started: number) => attempt(fold(0), number, { startedAt: at(started).toISOString() });
  const first = plan(one, seen([prepared(), runs(1, 10)], undefined, [gpuReport('NVIDIA L4', 20)]), at(21)).status;

  it('is the one that its attempt reports, and stays after the attempt has ended and while no report is available', () => {
    expect(first.folds[0]?.gpu).toBe('NVIDIA L4');
    expect(plan(one, seen([prepared(), runs(1, 10)], first), at(22)).status.folds[0]?.gpu).toBe('NVIDIA L4');
    const done = attempt(fold(0), 1, { state: 'succeeded', finishedAt: at(50).toISOString() });
    expect(plan(one, seen([prepared(), done], first), at(51)).status.folds[0]).toMatchObject({ state: 'Succeeded', gpu: 'NVIDIA L4' });
  });

  it('is not taken from an earlier attempt', () => {
    const again = plan(one, seen([prepared(), failedFold(1)], first, [gpuReport('NVIDIA L4', 20)]), at(200)).status;
    expect(again.folds[0]).toMatchObject({ state: 'Starting', attempts: 2, epoch: 1 });
    expect(again.folds[0]).not.toHaveProperty('gpu');
    const running = seen([prepared(), failedFold(1), runs(2, 300)], again, [gpuReport('NVIDIA L4', 20)]);
    const silent = plan(one, running, at(301)).status;
    expect(silent.folds[0]).not.toHaveProperty('gpu');
    const speaks = seen([prepared(), failedFold(1), runs(2, 300)], silent, [gpuReport('NVIDIA A10', 310)]);
    expect(plan(one, speaks, at(311)).status.folds[0]?.gpu).toBe('NVIDIA A10');
  });
});

describe('the image of an experiment', () => {
  const withImage = (image: string, status?: ExperimentStatus, suspend = false): ExperimentStatus =>
    plan(experimentWith({ suspend }), { ...seen([], status), image }, at(0)).status;

  it('is the image of its first attempt for all later attempts', () => {
    const first = withImage('carpal@sha256:1');
    expect(first.image).toBe('carpal@sha256:1');
    expect(withImage('carpal@sha256:2', first).image).toBe('carpal@sha256:1');
  });

  it('is not fixed before its first attempt begins', () => {
    const suspended = withImage('carpal@sha256:1', undefined, true);
    expect(suspended).not.toHaveProperty('image');
    expect(withImage('carpal@sha256:2', suspended).image).toBe('carpal@sha256:2');
  });
});

describe('a planned attempt', () => {
  const starting = (runs: readonly StageRun[] = [prepared()]): ExperimentStatus => plan(experimentWith(), seen(runs), at(0)).status;

  it('is in the status before it starts', () => {
    expect(starting().folds.map(({ state, attempts }) => [state, attempts])).toEqual([0, 1, 2].map(() => ['Starting', 1]));
    expect(condition(starting(), 'Training')).toBe('False StagePending');
  });

  it('is started again under the same name, and marked as possibly not the first start, if it does not exist', () => {
    const again = plan(experimentWith(), seen([prepared(), attempt(fold(1), 1, {})], starting()), at(1));
    expect(again.start).toEqual([0, 2].map((index) => ({ ...fold(index), attempt: 1, name: `wrist-fold-${index}-1`, again: true })));
    expect(again.status.folds.map(({ state }) => state)).toEqual(['Starting', 'Running', 'Starting']);
    expect(again.events).toEqual([]);
  });

  it('that follows a failed one is reported after that failure, which keeps its number and its cause', () => {
    const failed = seen([prepared(), failedFold(1, { message: 'loss is NaN' })]);
    const { events, status } = plan(experimentWith({ folds: [0] }), failed, at(200));
    expect(status.folds[0]).toMatchObject({ state: 'Starting', attempts: 2, failures: 1, reason: 'StageFailed' });
    expect(events.slice(2).map(({ reason, note }) => [reason, note])).toEqual([
      ['StageStarted', 'fold 0, attempt 1'],
      ['StageFailed', 'fold 0, attempt 1: exit 1: loss is NaN'],
      ['StageRetried', 'fold 0, attempt 2'],
    ]);
  });

  it('does not start while another attempt of its stage is active, regardless of later attempts', () => {
    const both = seen([
      prepared(),
      attempt(fold(0), 1, {}),
      attempt(fold(0), 2, { state: 'failed', exitCode: 1, finishedAt: at(9).toISOString() }),
    ]);
    expect(names(plan(experimentWith({ folds: [0] }), both, at(200)))).toEqual([]);
  });

  it('does not start while an attempt of its stage is active that is already counted', () => {
    const lost = plan(experimentWith({ folds: [0] }), seen([prepared(), failedFold(1)]), at(200)).status;
    const lingering = seen([prepared(), attempt(fold(0), 1, {})], lost);
    const waiting = plan(experimentWith({ folds: [0] }), lingering, at(201));
    expect([waiting.start, waiting.status.folds[0]]).toMatchObject([[], { state: 'Starting', attempts: 2, failures: 1 }]);
    const free = plan(experimentWith({ folds: [0] }), seen([prepared()], waiting.status), at(202));
    expect(free.start).toMatchObject([{ name: 'wrist-fold-0-2', again: true }]);
  });

  it('is stopped without using a budget if it does not exist when the experiment is suspended', () => {
    const stopping = plan(experimentWith({ suspend: true }), seen([prepared()], starting()), at(1));
    expect([stopping.start, stopping.status.folds[0]?.state]).toEqual([[], 'Stopping']);
    expect(stopping.requeueAfterMs, 'nothing else would report that it does not exist').toBeGreaterThan(0);
    const stopped = plan(experimentWith({ suspend: true }), seen([prepared()], stopping.status), at(2));
    expect(stopped.status.folds[0]).toMatchObject({ state: 'Stopped', failures: 0, disruptions: 0 });
    expect(stopped.requeueAfterMs).toBeUndefined();
  });
});

describe('the end of an attempt', () => {
  it.each([
    ['exit 1 is retried', failedFold(1), 1, 0, 'Waiting'],
    ['a kill by signal is retried', failedFold(137, { reason: 'SIGKILL' }), 1, 0, 'Waiting'],
    ['exit 70 is retried', failedFold(70), 1, 0, 'Waiting'],
    ['out of memory is a failure', failedFold(137, { reason: 'OOMKilled' }), 1, 0, 'Waiting'],
    ['exit 64 is final', failedFold(64), 1, 0, 'Failed'],
    ['exit 65 is final', failedFold(65), 1, 0, 'Failed'],
    ['exit 78 is final', failedFold(78), 1, 0, 'Failed'],
    ['exit 75 is a disruption', failedFold(75), 0, 1, 'Waiting'],
    ['a lost node is a disruption', failedFold(137, { disrupted: true }), 0, 1, 'Waiting'],
    ['a requested stop uses no budget and causes no delay', failedFold(75, { stopRequested: true }), 0, 0, 'Starting'],
  ])('%s', (_case, run, failures, disruptions, state) => {
    const { status } = plan(experimentWith({ onFoldFailure: 'stop' }), seen([prepared(), run]), at(101));
    expect(status.folds[0]).toMatchObject({ failures, disruptions, state });
    expect(condition(status, 'Failed').startsWith('True')).toBe(state === 'Failed');
  });

  it('names memory as the cause', () => {
    const { status, events } = plan(experimentWith(), seen([prepared(), failedFold(137, { reason: 'OOMKilled' })]), at(101));
    expect(status.folds[0]?.message).toContain('out of memory');
    expect(events.map(({ reason }) => reason)).toContain('OutOfMemory');
  });

  it('names the stage, the exit code and the error of the stage when it is final', () => {
    const run = failedFold(65, { message: 'image-unreadable: x.png is truncated' });
    const { status } = plan(experimentWith({ folds: [0] }), seen([prepared(), run]), at(101));
    expect(status.conditions.find(({ type }) => type === 'Failed')).toMatchObject({
      reason: 'InvalidData',
      message: expect.stringMatching(/^fold 0 ended with exit 65: image-unreadable: x.png is truncated → fix the data/),
    });
  });

  it('delays the next attempt, each time twice as long', () => {
    const delays = [1, 2].map((failures) => {
      const runs = Array.from({ length: failures }, (_, index) =>
        attempt(fold(0), index + 1, { state: 'failed', exitCode: 1, startedAt: at(99).toISOString(), finishedAt: at(100).toISOString() }),
      );
      return plan(experimentWith({ folds: [0] }), seen([prepared(), ...runs]), at(100)).requeueAfterMs;
    });
    expect(delays).toEqual([10_000, 20_000]);
  });

  it('allows the next attempt once the delay is over', () => {
    const world = seen([prepared(), failedFold(1)]);
    expect(names(plan(experimentWith({ folds: [0] }), world, at(109)))).toEqual([]);
    expect(names(plan(experimentWith({ folds: [0] }), world, at(110)))).toEqual(['wrist-fold-0-2']);
  });

  it('delays the next attempt by at most 15 minutes, even if an operator whose clock was ahead wrote the status', () => {
    const one = experimentWith({ folds: [0] });
    const ahead = plan(one, seen([prepared(), failedFold(1, { finishedAt: at(10_800).toISOString() })]), at(10_800)).status;
    const bounded = plan(one, seen([prepared()], ahead), at(0));
    expect([bounded.start, bounded.requeueAfterMs, bounded.status.folds[0]?.retryAt]).toEqual([[], 900_000, at(900).toISOString()]);
    expect(names(plan(one, seen([prepared()], bounded.status), at(900)))).toEqual(['wrist-fold-0-2']);
  });

  it('causes only the first delay after an attempt that ran long', () => {
    const long = [1, 2].map((number) =>
      attempt(fold(0), number, { state: 'failed', exitCode: 75, startedAt: at(0).toISOString(), finishedAt: at(7200).toISOString() }),
    );
    expect(plan(experimentWith({ folds: [0] }), seen([prepared(), ...long]), at(7200)).requeueAfterMs).toBe(10_000);
  });
});

describe('a budget', () => {
  it('ends the experiment when a fold has failed more often than run.maxFailures, if the other folds may not finish', () => {
    const runs = [1, 2, 3].map((number) =>
      attempt(fold(0), number, { state: 'failed', exitCode: 1, finishedAt: at(number).toISOString() }),
    );
    const world = seen([prepared(), ...runs, attempt(fold(1), 1, {})]);
    const planned = plan(experimentWith({ maxFailures: 2, onFoldFailure: 'stop' }), world, at(1000));
    expect(condition(planned.status, 'Failed')).toBe('True FailureBudgetExceeded');
    expect(planned.stop).toEqual(['wrist-fold-1-1']);
    expect(planned.start).toEqual([]);
  });

  it('for disruptions is separate from the budget for failures', () => {
    const runs = [75, 1, 75].map((exitCode, index) =>
      attempt(fold(0), index + 1, { state: 'failed', exitCode, finishedAt: at(index).toISOString() }),
    );
    const { status } = plan(experimentWith({ maxFailures: 1, maxDisruptions: 2 }), seen([prepared(), ...runs]), at(1000));
    expect(status.folds[0]).toMatchObject({ failures: 1, disruptions: 2, state: 'Starting', attempts: 4 });
    const over = plan(experimentWith({ folds: [0], maxFailures: 1, maxDisruptions: 1 }), seen([prepared(), ...runs]), at(1000));
    expect(condition(over.status, 'Failed')).toBe('True DisruptionBudgetExceeded');
  });

  it('counts an attempt once, even if it is removed afterwards', () => {
    const first = plan(experimentWith(), seen([prepared(), failedFold(1)]), at(101)).status;
    const again = plan(experimentWith(), seen([prepared(), failedFold(1)], first), at(102)).status;
    const removed = plan(experimentWith(), seen([prepared()], again), at(103)).status;
    expect([first, again, removed].map((status) => status.folds[0]?.failures)).toEqual([1, 1, 1]);
    expect(plan(experimentWith(), seen([prepared()], removed), at(1000)).start[0]?.name).toBe('wrist-fold-0-2');
  });

  it('counts an attempt that vanished as a disruption', () => {
    const running = plan(experimentWith(), seen([prepared(), attempt(fold(0), 1, {})]), at(50)).status;
    const { status } = plan(experimentWith(), seen([prepared()], running), at(60));
    expect(status.folds[0]).toMatchObject({ state: 'Waiting', attempts: 1, failures: 0, disruptions: 1 });
  });
});

describe('suspension', () => {
  const running = [prepared(), attempt(fold(0), 1, {})];

  it('stops what runs, after it is written to the status', () => {
    const planned = plan(experimentWith({ suspend: true }), seen(running), at(50));
    expect(planned.stop).toEqual(['wrist-fold-0-1']);
    expect(planned.status.folds[0]?.state).toBe('Stopping');
    expect(condition(planned.status, 'Suspended')).toBe('True SuspendedByUser');
  });

  it('starts nothing, regardless of its duration', () => {
    const { status } = plan(experimentWith({ suspend: true }), seen(running), at(50));
    const later = plan(experimentWith({ suspend: true }), seen([prepared()], status), at(1e6));
    expect([later.start, later.stop, later.requeueAfterMs]).toEqual([[], [], undefined]);
  });

  it('continues with new attempts that use no budget', () => {
    const { status } = plan(experimentWith({ suspend: true }), seen(running), at(50));
    for (const left of [[], [attempt(fold(0), 1, { state: 'failed', exitCode: 75, finishedAt: at(55).toISOString() })]]) {
      const resumed = plan(experimentWith({ folds: [0] }), seen([prepared(), ...left], status), at(56));
      expect(names(resumed)).toEqual(['wrist-fold-0-2']);
      expect(resumed.status.folds[0]).toMatchObject({ failures: 0, disruptions: 0 });
      expect(condition(resumed.status, 'Suspended')).toBe('False Resumed');
    }
  });

  it('waits, after run.suspend is false again, for an attempt that is still stopping', () => {
    const { status } = plan(experimentWith({ suspend: true }), seen(running), at(50));
    const stopping = [prepared(), attempt(fold(0), 1, { stopRequested: true })];
    expect(names(plan(experimentWith({ folds: [0] }), seen(stopping, status), at(51)))).toEqual([]);
  });

  it('recognises its own stop if the substrate only shows that the attempt is being deleted', () => {
    const { status } = plan(experimentWith({ suspend: true }), seen(running), at(50));
    const leaving = seen([prepared(), attempt(fold(0), 1, { deleting: true })], status);
    const resumed = plan(experimentWith({ folds: [0] }), leaving, at(51));
    expect(resumed).toMatchObject({ start: [], stop: [], status: { folds: [{ state: 'Stopping' }] } });
    const gone = plan(experimentWith({ folds: [0] }), seen([prepared()], resumed.status), at(60));
    expect(gone.status.folds[0]).toMatchObject({ state: 'Starting', attempts: 2, failures: 0, disruptions: 0 });
    expect(names(gone)).toEqual(['wrist-fold-0-2']);
  });

  it('counts an attempt that another program deletes as a disruption once it is gone, and does not request a stop of this attempt', () => {
    const { status } = plan(experimentWith(), seen(running), at(50));
    const leaving = [prepared(), attempt(fold(0), 1, { deleting: true })];
    const planned = plan(experimentWith({ folds: [0] }), seen(leaving, status), at(51));
    expect(planned).toMatchObject({ start: [], stop: [], status: { folds: [{ state: 'Running' }] } });
    const ended = attempt(fold(0), 1, { deleting: true, state: 'failed', exitCode: 1, finishedAt: at(55).toISOString() });
    for (const left of [[], [ended]]) {
      const after = plan(experimentWith({ folds: [0] }), seen([prepared(), ...left], planned.status), at(56));
      expect(after.status.folds[0]).toMatchObject({ state: 'Waiting', failures: 0, disruptions: 1 });
    }
  });

  it('does not end an attempt that never received the stop request', () => {
    const { status } = plan(experimentWith({ suspend: true }), seen(running), at(50));
    const resumed = plan(experimentWith({ folds: [0] }), seen(running, status), at(51));
    expect(resumed.status.folds[0]?.state).toBe('Running');
    expect([resumed.start, resumed.stop]).toEqual([[], []]);
  });

  it('treats an attempt that Kueue holds as queued, not failed, regardless of the duration', () => {
    const queued = [prepared(), attempt(fold(0), 1, { state: 'queued' })];
    const planned = plan(experimentWith({ folds: [0], startDeadline: '1m' }), seen(queued), at(1e6));
    expect(planned.status.folds[0]).toMatchObject({ state: 'Queued', reason: 'Queued' });
    expect(condition(planned.status, 'Failed')).toBe('False Queued');
  });
});

describe('a deadline', () => {
  it('fails a stage that does not start in time, and looks again when the deadline expires', () => {
    const world = seen([prepared(), attempt(fold(0), 1, { state: 'pending' })]);
    const experiment = experimentWith({ folds: [0], startDeadline: '10m' });
    expect(plan(experiment, world, at(590)).requeueAfterMs).toBe(10_000);
    const late = plan(experiment, world, at(600));
    expect(condition(late.status, 'Failed')).toBe('True StartDeadlineExceeded');
    expect(late.stop).toEqual(['wrist-fold-0-1']);
  });

  it('reports what prevented the stage from starting', () => {
    const message = 'ErrImagePull: carpal:9 not found';
    const world = seen([prepared(), attempt(fold(0), 1, { state: 'pending', message })]);
    const { status } = plan(experimentWith({ folds: [0], startDeadline: '10m' }), world, at(600));
    expect(status.conditions.find(({ type }) => type === 'Failed')?.message).toContain(
      `fold 0 did not start within run.startDeadline (10m): ${message}`,
    );
  });

  it('does not treat an attempt that has run as never started when its pod is gone', () => {
    const experiment = experimentWith({ folds: [0], startDeadline: '10m', foldDeadline: '1h' });
    const { status } = plan(experiment, seen([prepared(), attempt(fold(0), 1, {})]), at(60));
    const unclear = plan(experiment, seen([prepared(), attempt(fold(0), 1, { state: 'pending' })], status), at(1200));
    expect(condition(unclear.status, 'Failed')).toMatch(/^False/);
    expect(unclear.requeueAfterMs).toBe(2_400_000);
  });

  it('counts earlier attempts of a fold', () => {
    const experiment = experimentWith({ folds: [0], foldDeadline: '10m' });
    const second = attempt(fold(0), 2, { startedAt: at(1000).toISOString() });
    const world = seen([prepared(), failedFold(1, { finishedAt: at(500).toISOString() }), second]);
    expect(plan(experiment, world, at(1099)).requeueAfterMs).toBe(1000);
    expect(condition(plan(experiment, world, at(1100)).status, 'Failed')).toBe('True FoldDeadlineExceeded');
  });
});

describe('a stage that waits', () => {
  const pending = (message?: string): StageRun => attempt(fold(0), 1, { state: 'pending', ...(message === undefined ? {} : { message }) });
  const messageAt = (message: string, seconds: number, before?: Plan): { planned: Plan; message: string | undefined } => {
    const planned = plan(experimentWith({ folds: [0] }), seen([prepared(), pending(message)], before?.status), at(seconds));
    return { planned, message: planned.status.folds[0]?.message };
  };

  it('is explained once it has waited for a while', () => {
    const early = messageAt('0/3 nodes are available', 1);
    expect([early.message, early.planned.requeueAfterMs]).toEqual([undefined, 14_000]);
    expect(messageAt('0/3 nodes are available', 15).message).toBe('0/3 nodes are available');
  });

  it('is reported again if the cause changes, but not if only a number does', () => {
    const first = messageAt('0/3 nodes are available', 20);
    const second = messageAt('0/12 nodes are available', 30, first.planned);
    expect(second.planned.status).toEqual(first.planned.status);
    expect(messageAt('ErrImagePull: not found', 40, second.planned).message).toBe('ErrImagePull: not found');
  });

  it('loses the explanation once it runs', () => {
    const { planned } = messageAt('0/3 nodes are available', 20);
    const { status } = plan(experimentWith({ folds: [0] }), seen([prepared(), attempt(fold(0), 1, {})], planned.status), at(30));
    expect(status.folds[0]).not.toHaveProperty('message');
  });

  it('names its queue immediately', () => {
    const run = attempt(fold(0), 1, { state: 'queued', message: 'waits in queue gpu' });
    const { status } = plan(experimentWith({ folds: [0] }), seen([prepared(), run]), at(0));
    expect(status.folds[0]).toMatchObject({ reason: 'Queued', message: 'waits in queue gpu' });
  });
});

describe('the end of an experiment', () => {
  const done = [prepared(), succeeded(0), succeeded(1), succeeded(2)];
  const finished = [...done, attempt(ENSEMBLE, 1, { state: 'succeeded', finishedAt: at(120).toISOString() })];

  it('is Complete at 100% when the ensemble has succeeded', () => {
    const { status } = plan(experimentWith(), { ...seen(finished), artifacts: 'store' }, at(130));
    expect(condition(status, 'Complete')).toBe('True ExperimentComplete');
    expect(status).toMatchObject({ progress: '100%', submission: 'store/experiments/default/wrist/u1/ensemble/submission.csv' });
  });

  it('is final: a Complete experiment whose attempts are gone starts nothing', () => {
    const { status } = plan(experimentWith(), seen(finished), at(130));
    const later = plan(experimentWith(), seen([], status), at(1e6));
    expect(later).toMatchObject({ start: [], stop: [], status });
  });

  it('is final: a success does not reopen a Failed experiment, and active attempts are stopped', () => {
    const stop = experimentWith({ onFoldFailure: 'stop' });
    const { status } = plan(stop, seen([prepared(), failedFold(78), attempt(fold(1), 1, {})]), at(130));
    const later = plan(stop, seen([prepared(), succeeded(0), attempt(fold(1), 1, {})], status), at(140));
    expect(later.status).toEqual(status);
    expect([later.start, later.stop]).toEqual([[], ['wrist-fold-1-1']]);
  });

  it('removes the attempts once run.ttlAfterFinished has passed', () => {
    const experiment = experimentWith({ ttlAfterFinished: '1h' });
    const { status } = plan(experiment, seen(finished), at(130));
    expect(plan(experiment, seen(finished, status), at(130)).requeueAfterMs).toBe(3_600_000);
    expect(plan(experiment, seen(finished, status), at(3730)).remove).toHaveLength(finished.length);
  });
});

describe('status', () => {
  it('moves a condition’s transition time only when its status changes', () => {
    const first = plan(experimentWith(), seen([]), at(0)).status;
    const second = plan(experimentWith(), seen([attempt(PREPARE, 1, {})], first), at(10)).status;
    const third = plan(experimentWith(), seen([prepared()], second), at(20)).status;
    const times = [first, second, third].map((status) => status.conditions.find(({ type }) => type === 'Prepared')?.lastTransitionTime);
    expect(times).toEqual([at(0).toISOString(), at(0).toISOString(), at(20).toISOString()]);
  });

  it('reports progress, mean best Dice and the estimated completion of training', () => {
    const reports = [0, 1, 2].map((index) =>
      report(index, { epoch: 5, epochs: 10, etaSeconds: 300, bestDice: 0.5 + index / 10, updatedAt: at(300).toISOString() }),
    );
    const runs = [prepared(), ...[0, 1, 2].map((index) => attempt(fold(index), 1, {}))];
    const { status } = plan(experimentWith(), seen(runs, undefined, reports), at(0));
    expect(status).toMatchObject({ progress: '50%', estimatedCompletionTime: '2000-01-01T00:05:00Z' });
    expect(status.bestDice).toBeCloseTo(0.6, 12);
  });

  it('includes folds that wait for a place in the estimate', () => {
    const reports = [report(0, { epoch: 5, epochs: 10, etaSeconds: 300 })];
    const runs = [prepared(), attempt(fold(0), 1, {})];
    const { status } = plan(experimentWith({ parallelism: 1 }), seen(runs, undefined, reports), at(0));
    expect(status.estimatedCompletionTime).toBe('2000-01-01T00:25:00Z');
  });

  it('has an event for every change and none without a change', () => {
    const runs = [prepared(), failedFold(1), attempt(fold(0), 2, {})];
    const planned = plan(experimentWith({ folds: [0] }), seen(runs), at(200));
    expect(planned.events.map(({ reason }) => reason)).toEqual(['StageStarted', 'StageFinished', 'StageRetried', 'StageFailed']);
    expect(plan(experimentWith({ folds: [0] }), seen(runs, planned.status), at(201)).events).toEqual([]);
  });
});
