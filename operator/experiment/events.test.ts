import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import { at, attempt, experimentWith, fold, PREPARE, prepared, report, seen } from '@carpal/testbed/operator/builders.ts';
import { describe, expect, it } from 'vitest';
import type { HeldStart, StageRun } from './observed.ts';
import { plan } from './plan.ts';

const ONE = experimentWith({ folds: [0], parallelism: 1 });
const QUEUED: SegmentationExperiment = { ...ONE, spec: { ...ONE.spec, placement: { ...ONE.spec.placement, queueName: 'gpu' } } };
const time = (second: number): string => at(second).toISOString();

/** The events of each world, one after another, as `Normal StageStarted: fold 0, attempt 1`. */
function story(
  experiment: SegmentationExperiment,
  worlds: readonly (readonly [number, readonly StageRun[], HeldStart?])[],
): readonly string[][] {
  let status: ExperimentStatus | undefined;
  return worlds.map(([second, runs, held]) => {
    const planned = plan(experiment, { ...seen(runs, status), held: held === undefined ? [] : [held] }, at(second));
    status = planned.status;
    return planned.events.map(({ type, reason, note }) => `${type} ${reason}: ${note}`);
  });
}

const queued = (fields: Partial<StageRun> = {}): StageRun[] => [
  prepared(),
  attempt(fold(0), 1, { state: 'queued', queue: 'gpu', message: 'waits in queue gpu', ...fields }),
];
const running = (second: number): StageRun[] => [
  prepared(),
  attempt(fold(0), 1, { pendingSince: time(second - 1), startedAt: time(second) }),
];

describe('the events of a stage that a queue admits', () => {
  it('report its start when its container starts, not when its Job exists', () => {
    expect(
      story(QUEUED, [
        [0, [prepared()]],
        [1, queued()],
        [50, [prepared(), attempt(fold(0), 1, { state: 'pending', pendingSince: time(49) })]],
        [52, running(51)],
        [60, running(51)],
      ]),
    ).toEqual([
      [
        'Normal StageStarted: prepare, attempt 1',
        'Normal StageFinished: prepare finished',
        'Normal Queued: fold 0, attempt 1 waits in queue gpu',
      ],
      [],
      [],
      ['Normal StageStarted: fold 0, attempt 1'],
      [],
    ]);
  });

  it('report an eviction with the words of the queue, and when it continues', () => {
    const [, , evicted, still, again] = story(QUEUED, [
      [0, [prepared()]],
      [52, running(51)],
      [70, queued({ evictedAt: time(68), message: 'waits in queue gpu: Preempted to accommodate a workload' })],
      [80, queued({ evictedAt: time(68), message: 'waits in queue gpu: Preempted to accommodate a workload' })],
      [100, running(99)],
    ]);
    expect([evicted, still, again]).toEqual([
      ['Normal StageEvicted: fold 0, attempt 1: waits in queue gpu: Preempted to accommodate a workload'],
      [],
      ['Normal StageStarted: fold 0, attempt 1 continues'],
    ]);
  });

  it('report an eviction and the continuation together if no operator looked in between', () => {
    expect(
      story(QUEUED, [
        [0, [prepared()]],
        [52, running(51)],
        [500, running(400)],
      ]).at(-1),
    ).toEqual(['Normal StageEvicted: fold 0, attempt 1', 'Normal StageStarted: fold 0, attempt 1 continues']);
  });

  it('report that the next attempt waits, and that it is a retry when it starts', () => {
    const failed = attempt(fold(0), 1, { state: 'failed', exitCode: 1, startedAt: time(2), finishedAt: time(10) });
    const second = (fields: Partial<StageRun>): StageRun[] => [
      prepared(),
      failed,
      attempt(fold(0), 2, { pendingSince: time(100), ...fields }),
    ];
    expect(
      story(QUEUED, [
        [5, running(2)],
        [10, [prepared(), failed]],
        [100, [prepared(), failed]],
        [101, second({ state: 'queued' })],
        [120, second({ startedAt: time(119) })],
      ]).slice(1),
    ).toEqual([
      ['Warning StageFailed: fold 0, attempt 1: exit 1'],
      ['Normal Queued: fold 0, attempt 2 waits in queue gpu'],
      [],
      ['Normal StageRetried: fold 0, attempt 2'],
    ]);
  });

  it('name a queue that the manifest does not name when it is seen', () => {
    const waits = attempt(PREPARE, 1, { state: 'queued', queue: 'cpu', message: 'waits in queue cpu' });
    expect(
      story(ONE, [
        [0, []],
        [1, [waits]],
        [2, [waits]],
      ]),
    ).toEqual([['Normal StageStarted: prepare, attempt 1'], ['Normal Queued: prepare, attempt 1 waits in queue cpu'], []]);
  });
});

describe('the events of a stage', () => {
  it('report its start once without a queue', () => {
    const [, first, second] = story(ONE, [
      [0, [prepared()]],
      [1, [prepared(), attempt(fold(0), 1, { state: 'pending' })]],
      [5, running(4)],
    ]);
    expect([first, second]).toEqual([[], []]);
  });

  it('have the reason why its start is held', () => {
    const denied: HeldStart = { ...PREPARE, attempt: 1, message: 'exceeded quota', againMs: 1000, cause: 'denied' };
    expect(
      story(ONE, [
        [0, []],
        [1, [], denied],
      ]).at(-1),
    ).toEqual(['Warning StageDenied: prepare, attempt 1, cannot be started: exceeded quota']);
  });

  it('warn of an infrastructure problem with its own reason', () => {
    const denied = attempt(fold(0), 1, {
      state: 'failed',
      exitCode: 74,
      message: 'AccessDenied',
      startedAt: time(2),
      finishedAt: time(10),
    });
    expect(
      story(ONE, [
        [5, running(2)],
        [10, [prepared(), denied]],
      ]).at(-1),
    ).toEqual(['Warning StoreUnavailable: fold 0, attempt 1: exit 74: AccessDenied']);
  });

  it('warn of a missed deadline although the experiment continues', () => {
    const two = experimentWith({ folds: [0, 1], foldDeadline: '1m' });
    const runs = [prepared(), attempt(fold(0), 1, {}), attempt(fold(1), 1, { startedAt: time(50) })];
    const events = story(two, [
      [55, runs],
      [61, runs],
    ]).at(-1);
    expect(events).toEqual([
      expect.stringMatching(/^Warning StageFailed: fold 0, attempt 1: trained longer than run\.foldDeadline \(1m\)/),
    ]);
  });
});

describe('the events of an experiment', () => {
  it('report what reopened it, once', () => {
    const withGeneration = (retry: number, generation: number): SegmentationExperiment => {
      const made = experimentWith({ folds: [0], retry });
      return { ...made, metadata: { ...made.metadata, generation } };
    };
    const wrong = attempt(fold(0), 1, { state: 'failed', exitCode: 65, finishedAt: time(10) });
    const failed = plan(withGeneration(0, 1), seen([prepared(), wrong]), at(10)).status;
    expect(failed.state).toBe('Failed');
    const reopened = plan(withGeneration(1, 2), seen([prepared(), wrong], failed), at(20));
    const notes = reopened.events.map(({ reason, note }) => `${reason}: ${note}`);
    expect(notes).toContain('Reopened: run.retry is 1; finished stages stay as they are');
    expect(reopened.status).toMatchObject({ retry: 1, folds: [{ state: 'Starting', attempts: 2 }] });
    expect(reopened.status).not.toHaveProperty('finishedAt');
    const condition = (status: ExperimentStatus) => status.conditions.find(({ type }) => type === 'Failed');
    expect(condition(reopened.status)).toMatchObject({ status: 'False', reason: 'Reopened', lastTransitionTime: time(20) });
    const later = plan(withGeneration(1, 2), seen([prepared(), attempt(fold(0), 2, { startedAt: time(25) })], reopened.status), at(30));
    expect(condition(later.status)).toEqual(condition(reopened.status));
    expect(later.events).toEqual([]);
  });
});

describe('the warnings of a stage', () => {
  it('are events, each once', () => {
    const notes = (warnings: string[], status?: ExperimentStatus) => {
      const planned = plan(ONE, seen(running(51), status, [report(0, { updatedAt: time(55), warnings })]), at(60));
      const warned = planned.events.filter(({ reason }) => reason === 'StageWarned').map(({ type, note }) => `${type}: ${note}`);
      return { warned, status: planned.status };
    };
    const first = notes(['a class is empty']);
    expect(first.warned).toEqual(['Warning: fold 0: a class is empty']);
    expect(notes(['a class is empty', 'other threads'], first.status).warned).toEqual(['Warning: fold 0: other threads']);
  });
});
