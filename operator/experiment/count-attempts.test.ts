import { FRESH_STAGE, type StageStatus } from '@carpal/configs/schema/status.ts';
import { at, attempt, fold } from '@carpal/testbed/operator/builders.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Counting, countStageAttempts } from './count-attempts.ts';
import type { StageRun } from './observed.ts';
import { DEFAULT_RETRY } from './retry-policy.ts';

const RULES = { maxFailures: 2, maxDisruptions: 2 };
const RUNNING: StageStatus = { ...FRESH_STAGE, state: 'Running', attempts: 1, startedAt: at(0).toISOString(), node: 'gpu-0' };
const counting = (second: number, fields: Partial<Counting> = {}): Counting => ({
  ...{ rules: RULES, retry: DEFAULT_RETRY, now: at(second), lastSign: undefined },
  logKey: (number) => `logs/fold-0-${number}.txt`,
  ...fields,
});
type Fields = Partial<StageRun>;
const run = (fields: Fields, number = 1): StageRun => attempt(fold(0), number, fields);
const count = (previous: StageStatus | undefined, fields: Fields, number = 1, second = 9): StageStatus =>
  countStageAttempts(previous, [run(fields, number)], counting(second));
const time = (second: number): string => at(second).toISOString();

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

  it('does not revive an attempt that is counted', () => {
    const waiting: StageStatus = { ...FRESH_STAGE, state: 'Waiting', attempts: 1, disruptions: 1, reason: 'StageDisrupted' };
    expect(count(waiting, { state: 'running' })).toEqual(waiting);
    expect(count(waiting, { state: 'failed', exitCode: 1, finishedAt: time(5) })).toEqual(waiting);
  });
});

describe('an attempt that a queue evicts', () => {
  it('counts the time before the eviction, once, and not the time in the queue', () => {
    const evicted = count(RUNNING, { state: 'queued', evictedAt: time(17) }, 1, 20);
    expect(evicted).toMatchObject({ state: 'Queued', attempts: 1, disruptions: 0, activeSeconds: 17 });
    expect(evicted.startedAt).toBeUndefined();
    expect(count(evicted, { state: 'queued', evictedAt: time(17) }, 1, 500)).toEqual(evicted);
    const again = { state: 'running', pendingSince: time(600), startedAt: time(602) } as const;
    expect(count(evicted, again, 1, 610)).toMatchObject({ state: 'Running', activeSeconds: 17, startedAt: time(602) });
  });

  it('counts 36 seconds after 21 and 15 seconds', () => {
    const evicted = count(RUNNING, { state: 'queued', evictedAt: time(21) }, 1, 25);
    const ended = { state: 'succeeded', pendingSince: time(100), startedAt: time(101), finishedAt: time(116) } as const;
    expect(count(evicted, ended, 1, 120)).toMatchObject({ state: 'Succeeded', activeSeconds: 36, attempts: 1 });
  });

  it('counts up to now if the time of the eviction is unknown, later than now, or that of an earlier eviction', () => {
    const second: StageStatus = { ...RUNNING, startedAt: time(100) };
    for (const evictedAt of [undefined, time(900), time(50)]) {
      const fields = evictedAt === undefined ? {} : { evictedAt };
      expect(count(second, { state: 'queued', ...fields }, 1, 130)).toMatchObject({ activeSeconds: 30 });
    }
  });

  it('counts up to its last sign of life if it already runs again when an operator looks', () => {
    const again = run({ pendingSince: time(5000), startedAt: time(5002) });
    const known = countStageAttempts(RUNNING, [again], counting(6000, { lastSign: at(40) }));
    expect(known).toMatchObject({ state: 'Running', startedAt: time(5002), activeSeconds: 40 });
    expect(countStageAttempts(RUNNING, [again], counting(6000))).toMatchObject({ startedAt: time(5002), activeSeconds: 0 });
    // The report may already be that of the new container.
    expect(countStageAttempts(RUNNING, [again], counting(6000, { lastSign: at(5990) })).activeSeconds).toBe(5000);
  });

  it('is pending, not running, when the queue has released it and it has no pod yet', () => {
    expect(count(RUNNING, { state: 'pending', pendingSince: time(600) }, 1, 601)).toMatchObject({ state: 'Pending' });
  });

  it('stays asked to stop', () => {
    const stopping: StageStatus = { ...RUNNING, state: 'Stopping', reason: 'StageStalled', message: 'made no progress' };
    expect(count(stopping, { state: 'queued', deleting: true }, 1, 30)).toMatchObject({
      ...{ state: 'Stopping', reason: 'StageStalled', activeSeconds: 30 },
    });
  });
});

describe('the time that an attempt ran', () => {
  it('goes up to its end, which may be long before an operator looks', () => {
    const ended = count(RUNNING, { state: 'failed', exitCode: 1, finishedAt: time(60) }, 1, 108_000);
    expect(ended).toMatchObject({ activeSeconds: 60, failures: 1 });
  });

  it('goes up to the last sign of life if it vanished', () => {
    const vanished = (lastSign: Date | undefined): StageStatus => countStageAttempts(RUNNING, [], counting(108_000, { lastSign }));
    expect(vanished(at(70))).toMatchObject({ activeSeconds: 70, disruptions: 1, state: 'Waiting' });
    expect(vanished(undefined).activeSeconds).toBe(0);
    expect(vanished(at(200_000)).activeSeconds, 'a report from the future').toBe(108_000);
    expect(vanished(at(-50)).activeSeconds, 'a report of an earlier attempt').toBe(0);
    expect(Date.parse(vanished(at(70)).retryAt ?? ''), 'the delay begins now').toBeGreaterThan(at(108_000).getTime());
  });

  it('goes up to the last sign of life if its node is lost, and the attempt has ended', () => {
    const lost = run({ lost: true, node: 'gpu-1' });
    const after = countStageAttempts(RUNNING, [lost], counting(900, { lastSign: at(300) }));
    expect(after).toMatchObject({ state: 'Waiting', disruptions: 1, failures: 0, activeSeconds: 300 });
    expect(after.lastAttempts).toMatchObject([{ attempt: 1, node: 'gpu-1', reason: 'StageDisrupted', finishedAt: time(300) }]);
    expect(countStageAttempts(after, [lost], counting(901, { lastSign: at(300) })), 'counted once').toEqual(after);
  });

  it.each([
    ['behind', -10_800],
    ['ahead', 10_800],
  ])('is right if the clock of the node is 3 h %s', (_how, wrong) => {
    const startedAt = time(30 + wrong);
    const begun = count(undefined, { startedAt, pendingSince: time(20) }, 1, 40);
    const start = Date.parse(begun.startedAt ?? '');
    expect(start, 'not before it could begin').toBeGreaterThanOrEqual(at(20).getTime());
    expect(start, 'not in the future').toBeLessThanOrEqual(at(40).getTime());
    const later = count(begun, { startedAt, pendingSince: time(20) }, 1, 4000);
    expect(later.startedAt, 'the first time stays').toBe(begun.startedAt);
    const ended = { state: 'failed', exitCode: 1, startedAt, finishedAt: time(630 + wrong), pendingSince: time(20) } as const;
    const after = count(later, ended, 1, 4010);
    expect(after).toMatchObject({ activeSeconds: 600, failures: 1 });
    expect(count(undefined, ended, 1, 4010), 'seen only after its end').toMatchObject({ activeSeconds: 600, failures: 1 });
    expect(Date.parse(after.retryAt ?? ''), 'the retry is not delayed by the clock').toBeLessThanOrEqual(
      at(4010).getTime() + DEFAULT_RETRY.baseMs,
    );
  });
});

describe('the last attempts', () => {
  it('list how each attempt ended, with its node and its log, the newest last', () => {
    const first = count(RUNNING, { state: 'failed', exitCode: 137, reason: 'OOMKilled', finishedAt: time(60) }, 1, 70);
    const stage = count(first, { state: 'succeeded', exitCode: 0, startedAt: time(100), finishedAt: time(160), node: 'gpu-2' }, 2, 170);
    expect(stage.lastAttempts).toEqual([
      {
        ...{ attempt: 1, startedAt: time(0), finishedAt: time(60), exitCode: 137, node: 'gpu-0', reason: 'OutOfMemory' },
        log: 'logs/fold-0-1.txt',
      },
      {
        ...{ attempt: 2, startedAt: time(100), finishedAt: time(160), exitCode: 0, node: 'gpu-2', reason: 'StageFinished' },
        log: 'logs/fold-0-2.txt',
      },
    ]);
  });

  it('name the log that the substrate knows, and none for an attempt that never ran', () => {
    const { lastAttempts: known } = count(RUNNING, { state: 'failed', exitCode: 1, finishedAt: time(60), log: 'logs/other.txt' }, 1, 70);
    expect(known?.[0]?.log).toBe('logs/other.txt');
    const gone = countStageAttempts({ ...FRESH_STAGE, state: 'Pending', attempts: 1 }, [], counting(9));
    expect(gone.lastAttempts).toEqual([{ attempt: 1, finishedAt: time(9), reason: 'StageDisrupted' }]);
  });

  it('are at most five', () => {
    const runs = [1, 2, 3, 4, 5, 6, 7].map((number) => run({ state: 'failed', exitCode: 75, finishedAt: time(number) }, number));
    const stage = countStageAttempts(undefined, runs, counting(9, { rules: { maxFailures: 9, maxDisruptions: 9 } }));
    expect(stage.lastAttempts?.map((one) => one.attempt)).toEqual([3, 4, 5, 6, 7]);
  });
});

describe('a status that was lost', () => {
  const end = fc.constantFrom<Fields>(
    { state: 'failed', exitCode: 1 },
    { state: 'failed', exitCode: 75 },
    { state: 'failed', exitCode: 137, disrupted: true },
    { state: 'failed', exitCode: 137, reason: 'OOMKilled' },
  );
  const attempts = fc.array(fc.record({ end, waitS: fc.nat(500), ranS: fc.nat(5000) }), { maxLength: 9 });

  it('is rebuilt from the attempts with the same counts, times and history', () => {
    fc.assert(
      fc.property(attempts, fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }), (story, isLost) => {
        const rules = { maxFailures: 99, maxDisruptions: 99 };
        const runs: StageRun[] = [];
        let stage: StageStatus | undefined;
        let second = 0;
        let activeSeconds = 0;
        for (const [index, { end: ending, waitS, ranS }] of story.entries()) {
          const pendingSince = time(second);
          second += waitS;
          const begun = run({ pendingSince, startedAt: time(second) }, index + 1);
          stage = countStageAttempts(isLost[index] ? undefined : stage, [...runs, begun], counting(second, { rules }));
          second += ranS;
          activeSeconds += ranS;
          runs.push({ ...begun, ...ending, finishedAt: time(second) });
          stage = countStageAttempts(stage, runs, counting(second, { rules }));
        }
        expect(stage?.activeSeconds ?? 0).toBeCloseTo(activeSeconds, 6);
        expect(stage ?? FRESH_STAGE).toEqual(countStageAttempts(undefined, runs, counting(second, { rules })));
      }),
    );
  });
});
