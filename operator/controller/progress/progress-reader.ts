/** Progress reports for many experiments at once, at a pace that the store, the API server and the operator can bear. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { ExperimentStatus } from '@carpal/configs/experiment-status.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { ObservedProgress, StageRun } from '../../experiment/observed.ts';
import { parseStageReport, stageReportKey } from '../../progress/stage-report.ts';
import { createLimit } from './limit.ts';
import { ProgressMemory } from './progress-memory.ts';
import { readIntervalMs } from './read-interval.ts';
import { settledWithin } from './settled-within.ts';
import { type StageToRead, stagesToRead } from './stages-to-read.ts';

export type ProgressReaderOptions = {
  /** Best opened without patience: a store that is away is left alone here, and asked again later. */
  readonly store: ArtifactStore;
  readonly now: () => Date;
  /** How long a report is taken for true, given how many folds train in all. */
  readonly interval?: (runningFolds: number) => number;
  /** Reads under way at once. */
  readonly concurrency?: number;
  /** How long `read` waits for the store before it answers from memory; the reads go on, for the next answer, and until it no `read` waits. */
  readonly waitMs?: number;
  /** Told when the store is away, once each time that it is left alone, and whose report was asked for. */
  readonly onAway?: (away: { readonly experiment: SegmentationExperiment; readonly error: unknown; readonly againInMs: number }) => void;
};

export type ProgressReader = {
  /**
   * What the stages have reported, from memory unless it is time to read again. With `runs`, the end of an attempt is noticed before the
   * status tells it. Never throws: of a store that is away the last known reports are given.
   */
  read(experiment: SegmentationExperiment, status: ExperimentStatus | undefined, runs?: readonly StageRun[]): Promise<ObservedProgress>;
  /** Milliseconds until `read` would ask the store again, 0 for at once; undefined where nothing runs whose report could change. */
  nextReadMs(experiment: SegmentationExperiment): number | undefined;
  /** Drops what is known of an experiment that is gone or has come to its end. */
  forget(uid: string): void;
  readonly stats: { readonly reads: number; readonly unchanged: number; readonly failures: number };
};

/** When to look whether a late answer has come. */
const LOOK_FOR_ANSWER_MS = 5000;
const AWAY_MS = { first: 5000, longest: 120_000 } as const;

const uidOf = ({ metadata }: SegmentationExperiment): string => metadata.uid ?? `${metadata.namespace}/${metadata.name}`;

/** See {@link ProgressReader}. Stages that have ended are read once more and then never again; ended experiments never. */
export function createProgressReader(options: ProgressReaderOptions): ProgressReader {
  const { store, interval = readIntervalMs, waitMs = 1000 } = options;
  const nowMs = (): number => options.now().getTime();
  const limited = createLimit(options.concurrency ?? 16);
  const memories = new Map<string, ProgressMemory>();
  const stats = { reads: 0, unchanged: 0, failures: 0 };
  let runningFolds = 0;
  let failuresInARow = 0;
  // One reconcile has waited in vain: until the store has answered, the others do not, or all workers would stand still.
  let isSlow = false;
  let awayUntilMs = Number.NEGATIVE_INFINITY;

  const readStage = async (experiment: SegmentationExperiment, memory: ProgressMemory, stage: StageToRead): Promise<void> => {
    // Whoever waited for its turn while the store went away does not ask it.
    if (nowMs() < awayUntilMs) return;
    stats.reads += 1;
    const answer = await store.readIfChanged(stageReportKey(experiment, stage.key), memory.tagOf(stage.key));
    failuresInARow = 0;
    isSlow = false;
    if (answer === 'unchanged') stats.unchanged += 1;
    memory.note(stage, answer === 'unchanged' ? undefined : { ...answer, report: parseStageReport(answer?.content) });
  };

  const noteFailure = (experiment: SegmentationExperiment, error: unknown): void => {
    stats.failures += 1;
    // Reads that were under way together fail together, and count as one.
    if (nowMs() < awayUntilMs) return;
    const againInMs = Math.min(AWAY_MS.first * 2 ** Math.min(failuresInARow, 20), AWAY_MS.longest);
    failuresInARow += 1;
    awayUntilMs = nowMs() + againInMs;
    options.onAway?.({ experiment, error, againInMs });
  };

  const refresh = async (experiment: SegmentationExperiment, memory: ProgressMemory, stages: readonly StageToRead[]): Promise<void> => {
    if (nowMs() >= memory.dueMs) memory.dueMs = nowMs() + interval(runningFolds);
    await Promise.all(
      stages.map(async (stage) =>
        limited(async () => readStage(experiment, memory, stage).catch((error: unknown) => noteFailure(experiment, error))),
      ),
    );
    memory.refresh = undefined;
  };

  const memoryOf = (experiment: SegmentationExperiment): ProgressMemory => {
    const uid = uidOf(experiment);
    const memory = memories.get(uid) ?? new ProgressMemory();
    memories.set(uid, memory);
    return memory;
  };

  return {
    stats,
    async read(experiment, status, runs = []) {
      const memory = memoryOf(experiment);
      runningFolds -= memory.runningFolds;
      memory.look(stagesToRead(status, runs));
      runningFolds += memory.runningFolds;
      const stages = nowMs() < awayUntilMs || memory.refresh !== undefined ? [] : memory.due(nowMs());
      if (stages.length > 0) memory.refresh = refresh(experiment, memory, stages);
      if (memory.refresh !== undefined && !isSlow) isSlow = !(await settledWithin(memory.refresh, waitMs));
      return memory.progress();
    },
    nextReadMs(experiment) {
      const memory = memories.get(uidOf(experiment));
      if (memory === undefined || (!memory.isRunning && memory.unclosed.length === 0)) return undefined;
      if (memory.refresh !== undefined) return LOOK_FOR_ANSWER_MS;
      const dueMs = memory.unclosed.length > 0 ? nowMs() : memory.dueMs;
      return Math.max(dueMs, awayUntilMs, nowMs()) - nowMs();
    },
    forget(uid) {
      runningFolds -= memories.get(uid)?.runningFolds ?? 0;
      memories.delete(uid);
    },
  };
}
