/**
 * Reads the progress reports of many experiments, at a rate that the store, the API server and the operator can handle. A report that
 * cannot be read delays the reports of no other stage.
 */
import { LONGEST_REPORT_BYTES, parseProgress, progressKey } from '@carpal/artifacts/progress.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ExperimentStatus } from '@carpal/configs/schema/status.ts';
import type { ObservedProgress, StageRun } from '../experiment/observed.ts';
import { createLimit } from './concurrency-limit.ts';
import { type ProgressMemory, pauseMs, type StageToRead, stagesToRead } from './progress-memory.ts';

export type ProgressReaderOptions = {
  /** Should fail fast: while the store is unreachable, the reader pauses and asks again later. */
  readonly store: ArtifactStore;
  readonly now: () => Date;
  /** How many folds of all experiments train. */
  readonly runningFolds: () => number;
  /** For how many milliseconds a report counts as current, given how many folds train. */
  readonly interval?: (runningFolds: number) => number;
  /** Concurrent reads. */
  readonly concurrency?: number;
  /**
   * How long `read` waits for the store before it answers from memory. The reads continue, and a later call gets their results. Until the
   * store has answered, no other `read` waits.
   */
  readonly waitMs?: number;
  /** Called when a report cannot be read, once per experiment and pause. While the whole store is away, it is called once per pause. */
  readonly onUnreachable?: (problem: {
    readonly experiment: SegmentationExperiment;
    readonly error: unknown;
    readonly againInMs: number;
  }) => void;
};

/** A stage is read once more after it has ended, then never again. Ended experiments are not read. */
export type ProgressReader = {
  /**
   * The stages' reports, from memory unless it is time to read them again. `runs` shows the end of an attempt before the status does. Never
   * throws: while the store is unreachable, the result is the last known reports.
   */
  read(
    experiment: SegmentationExperiment,
    memory: ProgressMemory,
    status: ExperimentStatus | undefined,
    runs?: readonly StageRun[],
  ): Promise<ObservedProgress>;
  /** Milliseconds until `read` would ask the store again; undefined if no report can change. */
  nextReadMs(memory: ProgressMemory): number | undefined;
  readonly stats: { readonly reads: number; readonly unchanged: number; readonly failures: number };
};

/** How soon to look whether a late answer has arrived. */
const LATE_ANSWER_MS = 5000;
/** The store is away when it was unreachable for this many experiments in a row. */
const EXPERIMENTS_IN_A_ROW = 3;

export function createProgressReader(options: ProgressReaderOptions): ProgressReader {
  const { store, runningFolds, interval = readIntervalMs, waitMs = 1000 } = options;
  const nowMs = (): number => options.now().getTime();
  const limited = createLimit(options.concurrency ?? 16);
  const stats = { reads: 0, unchanged: 0, failures: 0 };
  /** The experiments for which the store was unreachable since it last answered. */
  const unreachable = new Set<ProgressMemory>();
  let pausesInARow = 0;
  // One step has waited too long. Until the store has answered, no other step waits; otherwise all workers would be blocked.
  let isSlow = false;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;

  const readStage = async (experiment: SegmentationExperiment, memory: ProgressMemory, stage: StageToRead): Promise<void> => {
    // The store may have become unreachable while this read waited for its turn.
    if (nowMs() < pausedUntilMs) return;
    stats.reads += 1;
    const answer = await store.readIfChanged(progressKey(experiment, stage.key), memory.tagOf(stage.key), {
      maxBytes: LONGEST_REPORT_BYTES,
    });
    noteAnswer();
    if (answer === 'unchanged') stats.unchanged += 1;
    const news = answer === undefined ? 'absent' : answer;
    memory.note(stage, typeof news === 'string' ? news : { tag: news.tag, report: parseProgress(news.content) }, nowMs());
  };

  const noteAnswer = (): void => {
    unreachable.clear();
    pausesInARow = 0;
    isSlow = false;
  };

  const noteFailure = (experiment: SegmentationExperiment, memory: ProgressMemory, stage: StageToRead, error: unknown): void => {
    stats.failures += 1;
    // Concurrent reads fail together and count as one failure.
    if (nowMs() < pausedUntilMs) return;
    const againInMs = memory.noteFailure(stage, nowMs());
    if (error instanceof CarpalError && error.code === 'store-unreachable') unreachable.add(memory);
    // Any other answer comes from the store.
    else noteAnswer();
    if (unreachable.size < EXPERIMENTS_IN_A_ROW) {
      if (againInMs !== undefined) options.onUnreachable?.({ experiment, error, againInMs });
      return;
    }
    pausesInARow += 1;
    pausedUntilMs = nowMs() + pauseMs(pausesInARow);
    options.onUnreachable?.({ experiment, error, againInMs: pauseMs(pausesInARow) });
  };

  const refresh = async (experiment: SegmentationExperiment, memory: ProgressMemory, stages: readonly StageToRead[]): Promise<void> => {
    if (nowMs() >= memory.dueMs) memory.dueMs = nowMs() + interval(runningFolds());
    await Promise.all(
      stages.map(async (stage) =>
        limited(async () => readStage(experiment, memory, stage).catch((error: unknown) => noteFailure(experiment, memory, stage, error))),
      ),
    );
    memory.refresh = undefined;
  };

  return {
    stats,
    async read(experiment, memory, status, runs = []) {
      memory.update(stagesToRead(status, runs, nowMs()));
      const stages = nowMs() < pausedUntilMs || memory.refresh !== undefined ? [] : memory.due(nowMs());
      if (stages.length > 0) memory.refresh = refresh(experiment, memory, stages);
      if (memory.refresh !== undefined && !isSlow) isSlow = !(await endsWithin(memory.refresh, waitMs));
      return memory.progress();
    },
    nextReadMs(memory) {
      const { nextMs } = memory;
      if (nextMs === undefined) return undefined;
      if (memory.refresh !== undefined) return LATE_ANSWER_MS;
      return Math.max(nextMs, pausedUntilMs, nowMs()) - nowMs();
    },
  };
}

/** Up to this number of folds, reports are read in the shortest interval. */
const FOLDS_AT_SHORTEST = 10;
/** The shortest interval: stages write their reports this often. */
const SHORTEST_MS = 10_000;
const LONGEST_MS = 120_000;

/** How long a report counts as current: about one read per second overall, and no report older than two minutes. */
export function readIntervalMs(runningFolds: number): number {
  return Math.min(Math.max(SHORTEST_MS, (SHORTEST_MS / FOLDS_AT_SHORTEST) * runningFolds), LONGEST_MS);
}

/** Whether work that never rejects ends within `ms`. The work continues if it does not. */
async function endsWithin(work: Promise<void>, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
