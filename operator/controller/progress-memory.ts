/** The known progress reports of one experiment, and which of its stages are worth reading again. */

import type { StageKey } from '@carpal/configs/names.ts';
import type { StageProgress } from '@carpal/configs/schema/progress.ts';
import { type ExperimentStatus, holdsPlace, isTerminal, type StageStatus } from '@carpal/configs/schema/status.ts';
import type { ObservedProgress, StageRun } from '../experiment/observed.ts';
import { observedProgress } from '../experiment/observed.ts';
import { sameStage, stageTitle } from '../experiment/stage.ts';
import { entriesOf } from '../experiment/stages.ts';

/** A stage whose report may have changed: its attempt runs, or has ended and its report must be read once more. */
export type StageToRead = { readonly key: StageKey; readonly attempt: number; readonly ended: boolean };

type KnownReport = {
  readonly key: StageKey;
  readonly tag?: string;
  readonly report?: StageProgress;
  /** The attempt whose report was read after its end: it cannot change any more. */
  readonly closedAttempt?: number;
};

export class ProgressMemory {
  readonly #stages = new Map<string, KnownReport>();
  #toRead: readonly StageToRead[] = [];
  #runningFolds = 0;
  /** When running stages are read again, in milliseconds. */
  dueMs = Number.NEGATIVE_INFINITY;
  /** The read in progress. */
  refresh: Promise<void> | undefined;

  /** Notes which stages run or have ended now. */
  update(stages: readonly StageToRead[]): void {
    this.#toRead = stages;
    this.#runningFolds = stages.filter(({ key, ended }) => key.stage === 'fold' && !ended).length;
  }

  get runningFolds(): number {
    return this.#runningFolds;
  }

  /** Whether a stage runs, so that its report will change. */
  get isRunning(): boolean {
    return this.#toRead.some(({ ended }) => !ended);
  }

  /** Stages that have ended and whose final report was not read yet. */
  get unclosed(): readonly StageToRead[] {
    return this.#toRead.filter(({ key, attempt, ended }) => ended && this.#stages.get(stageTitle(key))?.closedAttempt !== attempt);
  }

  /** The stages to read now. */
  due(nowMs: number): readonly StageToRead[] {
    if (nowMs < this.dueMs) return this.unclosed;
    return [...this.#toRead.filter(({ ended }) => !ended), ...this.unclosed];
  }

  tagOf(key: StageKey): string | undefined {
    return this.#stages.get(stageTitle(key))?.tag;
  }

  /** Records that a stage's report was read. `news` is its new content, or undefined if it has not changed. */
  note(
    { key, attempt, ended }: StageToRead,
    news: { readonly tag?: string; readonly report?: StageProgress | undefined } | undefined,
  ): void {
    const known = this.#stages.get(stageTitle(key)) ?? { key };
    const { tag, report } = news ?? known;
    this.#stages.set(stageTitle(key), {
      key,
      ...(tag === undefined ? {} : { tag }),
      ...(report === undefined ? {} : { report }),
      ...(ended ? { closedAttempt: attempt } : {}),
    });
  }

  /** All known reports. */
  progress(): ObservedProgress {
    return observedProgress([...this.#stages.values()].map(({ key, report }) => [key, report] as const));
  }
}

/**
 * The stages that run or have ended, according to the latest status and, if `runs` has a newer attempt, to what was observed since. Stages
 * that have not begun, and all stages of an ended experiment, have nothing to read.
 */
export function stagesToRead(status: ExperimentStatus | undefined, runs: readonly StageRun[]): readonly StageToRead[] {
  if (status === undefined || isTerminal(status)) return [];
  return entriesOf(status).flatMap(([key, stage]): StageToRead[] => {
    const [newest] = runs.filter((run) => sameStage(run, key)).toSorted((a, b) => b.attempt - a.attempt);
    return newest !== undefined && newest.attempt >= stage.attempts ? byRun(key, newest) : byStatus(key, stage);
  });
}

function byRun(key: StageKey, { state, attempt }: StageRun): StageToRead[] {
  if (state === 'queued' || state === 'pending') return [];
  return [{ key, attempt, ended: state !== 'running' }];
}

function byStatus(key: StageKey, stage: StageStatus): StageToRead[] {
  if (stage.attempts === 0 || stage.state === 'Starting' || stage.state === 'Queued' || stage.state === 'Pending') return [];
  return [{ key, attempt: stage.attempts, ended: !holdsPlace(stage) }];
}
