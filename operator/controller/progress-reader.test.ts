import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFolderStore } from '@carpal/artifacts/folder-store.ts';
import { progressKey } from '@carpal/artifacts/progress.ts';
import { openS3Store } from '@carpal/artifacts/s3-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { StageKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { StageProgress } from '@carpal/configs/schema/progress.ts';
import type { ExperimentStatus, StageStatusState } from '@carpal/configs/schema/status.ts';
import { type FaultyProxy, startFaultyProxy } from '@carpal/testbed/artifacts/faulty-proxy.ts';
import { type S3Server, s3EnvironmentFor, startS3Server } from '@carpal/testbed/artifacts/s3-server.ts';
import { at, attempt, ENSEMBLE, experimentWith, fold, PREPARE, prepared, report, seen } from '@carpal/testbed/operator/builders.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { StageRun } from '../experiment/observed.ts';
import { plan } from '../experiment/plan.ts';
import { ProgressMemory } from './progress-memory.ts';
import { createProgressReader, type ProgressReaderOptions, readIntervalMs } from './progress-reader.ts';

let root = '';
let store: ArtifactStore;
let seconds = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'carpal-reader-'));
});
beforeEach(async () => {
  store = openFolderStore(await mkdtemp(join(root, 'store-')));
  seconds = 100;
});
afterAll(async () => rm(root, { recursive: true, force: true }));

const now = (): Date => at(seconds);

/** A reader together with the memories of the experiments that it reads. */
function reader(more: Partial<ProgressReaderOptions> = {}) {
  const memories = new Map<string | undefined, ProgressMemory>();
  const memoryOf = ({ metadata: { uid } }: SegmentationExperiment): ProgressMemory => {
    const memory = memories.get(uid) ?? new ProgressMemory();
    memories.set(uid, memory);
    return memory;
  };
  const runningFolds = (): number => [...memories.values()].reduce((sum, memory) => sum + memory.runningFolds, 0);
  const { read, nextReadMs, stats } = createProgressReader({ store, now, runningFolds, ...more });
  return {
    stats,
    read: (of: SegmentationExperiment, status: ExperimentStatus | undefined, runs?: readonly StageRun[]) =>
      read(of, memoryOf(of), status, runs),
    nextReadMs: (of: SegmentationExperiment) => nextReadMs(memoryOf(of)),
    forget: (uid: string) => void memories.delete(uid),
  };
}
const wrist = experimentWith();
const others = ['a', 'b', 'c'].map((uid): SegmentationExperiment => ({ ...wrist, metadata: { ...wrist.metadata, uid } }));

const writeReport = (key: { stage: StageProgress['stage']; fold?: number }, fields: Partial<StageProgress>, of = wrist): Promise<void> =>
  store.write(progressKey(of, key), JSON.stringify({ ...report(0, fields), ...key }));

/** The status after these attempts, as the planner writes it. */
const statusAfter = (runs: readonly StageRun[], of: SegmentationExperiment = wrist): ExperimentStatus => plan(of, seen(runs), now()).status;
const training = [prepared(), attempt(fold(0), 1, {}), attempt(fold(1), 1, {})];

describe('readIntervalMs', () => {
  it('equals the reporting interval of stages for few folds, allows one read per second for more, and is at most two minutes', () => {
    expect([0, 1, 10, 11, 50, 120, 5000].map(readIntervalMs)).toEqual([10_000, 10_000, 10_000, 11_000, 50_000, 120_000, 120_000]);
  });
});

describe('a progress reader', () => {
  it('reads stages repeatedly while they run, once more after they have ended, and never otherwise', async () => {
    const progress = reader();
    await writeReport(PREPARE, { state: 'finished', done: 9 });
    await writeReport(fold(0), { epoch: 3 });
    await writeReport(fold(2), { epoch: 99 });
    const status = statusAfter(training);
    const known = await progress.read(wrist, status);
    expect(known.prepare?.done).toBe(9);
    expect(known.folds.get(0)?.epoch).toBe(3);
    expect([...known.folds.keys()]).toEqual([0]);
    expect(progress.stats).toEqual({ reads: 3, unchanged: 0, failures: 0 });
    seconds += 10;
    await progress.read(wrist, status);
    expect(progress.stats).toEqual({ reads: 5, unchanged: 1, failures: 0 });
  });

  it('answers from memory until the interval has passed, then asks for what has changed', async () => {
    const progress = reader();
    const status = statusAfter(training);
    await writeReport(fold(0), { epoch: 3 });
    await progress.read(wrist, status);
    await writeReport(fold(0), { epoch: 4 });
    seconds += 9;
    expect((await progress.read(wrist, status)).folds.get(0)?.epoch).toBe(3);
    expect(progress.nextReadMs(wrist)).toBe(1000);
    seconds += 1;
    expect(progress.nextReadMs(wrist)).toBe(0);
    expect((await progress.read(wrist, status)).folds.get(0)?.epoch).toBe(4);
    expect(progress.nextReadMs(wrist)).toBe(10_000);
  });

  it('reads the report of an attempt immediately after its end, and then not until another attempt runs', async () => {
    const progress = reader();
    await writeReport(fold(0), { epoch: 3 });
    await progress.read(wrist, statusAfter(training));
    await writeReport(fold(0), { epoch: 4, state: 'failed' });
    const ends = training.map((run) =>
      run.fold === 0 ? { ...run, state: 'failed' as const, exitCode: 1, finishedAt: at(99).toISOString() } : run,
    );
    // The observed runs report the end before the status does.
    expect((await progress.read(wrist, statusAfter(training), ends)).folds.get(0)?.epoch).toBe(4);
    const { reads } = progress.stats;
    await writeReport(fold(0), { epoch: 5 });
    await progress.read(wrist, statusAfter(ends));
    expect(progress.stats.reads).toBe(reads);
    const again = [...ends, attempt(fold(0), 2, { startedAt: at(150).toISOString() })];
    seconds += 10;
    expect((await progress.read(wrist, statusAfter(again))).folds.get(0)?.epoch).toBe(5);
  });

  it('reads the reports of an evicted fold while it may still write its checkpoint, and then not until it runs again', async () => {
    const progress = reader();
    await writeReport(fold(0), { epoch: 4 });
    const running = statusAfter(training);
    await progress.read(wrist, running, training);
    const evicted = [prepared(), attempt(fold(0), 1, { state: 'queued', evictedAt: at(seconds).toISOString() })];
    const queued = statusAfter(evicted);
    await progress.read(wrist, queued, evicted);
    // It reports its last epoch when it has stored its checkpoint.
    await writeReport(fold(0), { epoch: 5, state: 'stopped' });
    seconds += 60;
    expect((await progress.read(wrist, queued, evicted)).folds.get(0)?.epoch).toBe(5);
    seconds += 600;
    const { reads } = progress.stats;
    expect((await progress.read(wrist, queued, evicted)).folds.get(0)?.epoch).toBe(5);
    expect([progress.stats.reads, progress.nextReadMs(wrist)]).toEqual([reads, undefined]);
  });

  it('reads nothing of an experiment that has not begun or has ended, and needs no further step', async () => {
    const progress = reader();
    await progress.read(wrist, undefined);
    const failed = [attempt(PREPARE, 1, { state: 'failed', exitCode: 65, finishedAt: at(5).toISOString() })];
    await progress.read(wrist, statusAfter(failed));
    expect(progress.stats.reads).toBe(0);
    expect(progress.nextReadMs(wrist)).toBeUndefined();
    expect(progress.nextReadMs(experimentWith({}, 'unknown'))).toBeUndefined();
  });

  it.each([
    ['no JSON', '{"stage":'],
    ['another shape', '{"stage":"fold","state":"running","epoch":"many","updatedAt":""}'],
    ['nothing', ''],
  ])('ignores a report with %s', async (_what, content) => {
    const progress = reader();
    await store.write(progressKey(wrist, fold(0)), content);
    await writeReport(fold(1), { epoch: 2 });
    const known = await progress.read(wrist, statusAfter(training));
    expect([...known.folds.keys()]).toEqual([1]);
    expect(progress.stats.failures).toBe(0);
  });

  it('chooses its interval by the training folds of all experiments, without those that were dropped', async () => {
    const intervals: number[] = [];
    const progress = reader({ interval: (folds) => intervals.push(folds) * 1000 });
    for (const other of others) await progress.read(other, statusAfter(training, other));
    progress.forget('a');
    seconds += 100;
    for (const other of others.slice(1)) await progress.read(other, statusAfter(training, other));
    expect(intervals).toEqual([2, 4, 6, 4, 4]);
  });

  it('limits the number of concurrent reads', async () => {
    let [underway, most] = [0, 0];
    const slow: ArtifactStore = {
      ...store,
      readIfChanged: async (key) => {
        underway += 1;
        most = Math.max(most, underway);
        const content = await store.readIfChanged(key);
        underway -= 1;
        return content;
      },
    };
    const progress = reader({ store: slow, concurrency: 3 });
    const others = Array.from(
      { length: 20 },
      (_, uid): SegmentationExperiment => ({ ...wrist, metadata: { ...wrist.metadata, uid: `${uid}` } }),
    );
    await Promise.all(others.map((other) => progress.read(other, statusAfter(training, other))));
    expect(progress.stats.reads).toBe(60);
    expect(most).toBe(3);
  });

  it('answers from memory while the store is slow, and uses the late answer', async () => {
    const { promise: answer, resolve } = Promise.withResolvers<void>();
    const slow: ArtifactStore = { ...store, readIfChanged: async (key) => answer.then(async () => store.readIfChanged(key)) };
    const progress = reader({ store: slow, waitMs: 5 });
    await writeReport(fold(0), { epoch: 3 });
    const status = statusAfter(training);
    expect((await progress.read(wrist, status)).folds.size).toBe(0);
    expect(progress.nextReadMs(wrist)).toBe(5000);
    resolve();
    await vi.waitFor(async () => expect((await progress.read(wrist, status)).folds.get(0)?.epoch).toBe(3));
    expect(progress.stats.reads).toBe(3);
  });

  it('blocks only one step while the store hangs', async () => {
    const { promise: answer, resolve } = Promise.withResolvers<void>();
    const hanging: ArtifactStore = { ...store, readIfChanged: async (key) => answer.then(async () => store.readIfChanged(key)) };
    const progress = reader({ store: hanging, waitMs: 100 });
    const others = Array.from(
      { length: 50 },
      (_, uid): SegmentationExperiment => ({ ...wrist, metadata: { ...wrist.metadata, uid: `${uid}` } }),
    );
    vi.useFakeTimers();
    const [first = wrist, ...rest] = others;
    const waiting = progress.read(first, statusAfter(training, first));
    await vi.advanceTimersByTimeAsync(100);
    await waiting;
    // The fake timers do not advance from here on: a step that waited would never end.
    for (const other of rest) await progress.read(other, statusAfter(training, other));
    vi.useRealTimers();
    resolve();
    await vi.waitFor(async () => {
      await progress.read(first, statusAfter(training, first));
      expect(progress.stats.reads).toBe(150);
    });
  });

  it('delays no other experiment by one whose reports cannot be read, and reads those less and less often', async () => {
    const denied = progressKey(others[0] ?? wrist, fold(0));
    const asked: string[] = [];
    const guarded: ArtifactStore = {
      ...store,
      readIfChanged: async (key, tag, limits) => {
        asked.push(key);
        if (key === denied) throw new CarpalError('store-denied', 'the artifact store denied access');
        return await store.readIfChanged(key, tag, limits);
      },
    };
    const reports: [string | undefined, number][] = [];
    const progress = reader({
      store: guarded,
      onUnreachable: ({ experiment, againInMs }) => reports.push([experiment.metadata.uid, againInMs]),
    });
    for (let round = 0; round < 13; round += 1) {
      for (const one of others) {
        await writeReport(fold(0), { epoch: round }, one);
        await writeReport(fold(1), { epoch: round }, one);
        const known = await progress.read(one, statusAfter(training, one));
        expect([0, 1].map((index) => known.folds.get(index)?.epoch)).toEqual([one === others[0] ? undefined : round, round]);
      }
      seconds += 10;
    }
    expect(reports).toEqual([5000, 10_000, 20_000, 40_000, 80_000].map((ms) => ['a', ms]));
    expect(asked.filter((key) => key === denied)).toHaveLength(5);
  });

  it('asks for at most 64 KiB, so that an oversized report of one stage delays no other', async () => {
    const progress = reader();
    await store.write(progressKey(wrist, fold(0)), JSON.stringify(report(0, { epoch: 4 })).padEnd(100_000));
    await writeReport(fold(1), { epoch: 2 });
    expect([...(await progress.read(wrist, statusAfter(training))).folds.keys()]).toEqual([1]);
    await writeReport(fold(0), { epoch: 5 });
    seconds += 10;
    expect((await progress.read(wrist, statusAfter(training))).folds.get(0)?.epoch).toBe(5);
  });

  it('pauses for all experiments once the store was unreachable for three of them in a row', async () => {
    let reads = 0;
    const away: ArtifactStore = {
      ...store,
      readIfChanged: async () => {
        reads += 1;
        throw new CarpalError('store-unreachable', 'the artifact store is unavailable');
      },
    };
    const pauses: number[] = [];
    const progress = reader({ store: away, onUnreachable: ({ againInMs }) => pauses.push(againInMs) });
    for (const one of others) await progress.read(one, statusAfter(training, one));
    expect(reads).toBe(9);
    expect(progress.nextReadMs(wrist)).toBeUndefined();
    await progress.read(wrist, statusAfter(training));
    expect([reads, progress.nextReadMs(wrist)]).toEqual([9, 5000]);
    seconds += 5;
    await progress.read(wrist, statusAfter(training));
    expect(progress.nextReadMs(wrist)).toBe(10_000);
    expect(pauses).toEqual([5000, 5000, 5000, 10_000]);
  });

  it('tells by its own clock when each report changed and when it was last read', async () => {
    let isAway = false;
    const sometimes: ArtifactStore = {
      ...store,
      readIfChanged: async (...args) => {
        if (isAway) throw new CarpalError('store-denied', 'the artifact store denied access');
        return await store.readIfChanged(...args);
      },
    };
    const progress = reader({ store: sometimes });
    const status = statusAfter(training);
    const beats = async (key: StageKey): Promise<readonly [string, string] | undefined> => {
      const { heartbeats = [] } = await progress.read(wrist, status);
      const beat = heartbeats.find((one) => one.stage === key.stage && one.fold === key.fold);
      return beat && [beat.changedAt, beat.readAt];
    };
    const times = (...all: readonly number[]): readonly string[] => all.map((time) => at(time).toISOString());
    await writeReport(fold(0), { epoch: 1, updatedAt: '1999-01-01T00:00:00Z' });
    expect(await beats(fold(0))).toEqual(times(100, 100));
    seconds = 110;
    expect(await beats(fold(0))).toEqual(times(100, 110));
    expect(await beats(fold(1)), 'a fold that has not reported').toEqual(times(100, 110));
    isAway = true;
    seconds = 120;
    expect(await beats(fold(0)), 'while the store cannot be read').toEqual(times(100, 110));
    isAway = false;
    seconds = 130;
    await writeReport(fold(0), { epoch: 2, updatedAt: '1999-01-01T00:00:00Z' });
    expect(await beats(fold(0))).toEqual(times(130, 130));
    expect(await beats(fold(2)), 'a fold that does not run').toBeUndefined();
  });

  it.each<[StageStatusState, number]>([
    ['Queued', 0],
    ['Pending', 0],
    ['Stopping', 1],
    ['Stopped', 1],
    ['Waiting', 1],
  ])('reads a stage in state %s %i times', async (state, reads) => {
    const progress = reader();
    const status = statusAfter([prepared()]);
    const stage = { ...status.ensemble, state, attempts: 1 };
    const fresh = { ...status.prepare, attempts: 0, state: 'Waiting' as const };
    await progress.read(wrist, { ...status, prepare: fresh, folds: [], ensemble: stage });
    expect(progress.stats.reads).toBe(reads);
    expect(progressKey(wrist, ENSEMBLE)).toContain('ensemble');
  });
});

describe('a progress reader of a store in S3', () => {
  let server: S3Server;
  let proxy: FaultyProxy;
  beforeAll(async () => {
    server = await startS3Server();
    await server.makeBucket('hands');
    proxy = await startFaultyProxy(server.port);
    for (const [name, value] of Object.entries(s3EnvironmentFor(proxy.port))) vi.stubEnv(name, value);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await proxy?.close();
    await server?.stop();
  });

  it('requests content only if it has changed', async () => {
    store = openS3Store('s3://hands/unchanged');
    const progress = reader();
    const status = statusAfter(training);
    await writeReport(fold(0), { epoch: 3 });
    await writeReport(fold(1), { epoch: 3 });
    await progress.read(wrist, status);
    await writeReport(fold(1), { epoch: 4 });
    seconds += 10;
    const known = await progress.read(wrist, status);
    expect([0, 1].map((index) => known.folds.get(index)?.epoch)).toEqual([3, 4]);
    expect(progress.stats).toEqual({ reads: 5, unchanged: 1, failures: 0 });
  });

  it('returns the last known reports while the store is unreachable, pauses longer each time, and continues when it is back', async () => {
    const pauses: [string, number][] = [];
    store = openS3Store('s3://hands/unreachable', { retryForMs: 0, timeoutMs: 200 });
    const progress = reader({
      waitMs: 5000,
      onUnreachable: ({ experiment, againInMs }) => pauses.push([experiment.metadata.name, againInMs]),
    });
    const status = statusAfter(training);
    await writeReport(fold(0), { epoch: 3 });
    await progress.read(wrist, status);
    proxy.set('drop');
    for (const wait of [10, 4, 1, 10, 20]) {
      seconds += wait;
      expect((await progress.read(wrist, status)).folds.get(0)?.epoch).toBe(3);
    }
    expect(pauses).toEqual([5000, 10_000, 20_000].map((ms) => ['wrist', ms]));
    expect(progress.nextReadMs(wrist)).toBe(20_000);
    proxy.set('pass');
    await writeReport(fold(0), { epoch: 7 });
    seconds += 20;
    expect((await progress.read(wrist, status)).folds.get(0)?.epoch).toBe(7);
    expect(progress.stats.failures).toBeGreaterThanOrEqual(3);
  });
});
