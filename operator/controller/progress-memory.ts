/** The known progress reports of one experiment, which of its stages are worth reading again, and whether reading them fails. */

import type { StageKey } from '@carpal/configs/names.ts';
import type { StageProgress } from '@carpal/configs/schema/progress.ts';
import { type ExperimentStatus, holdsPlace, isTerminal, type StageStatus } from '@carpal/configs/schema/status.ts';
import type { Heartbeat, ObservedProgress, StageRun } from '../experiment/observed.ts';
import { observedProgress } from '../experiment/observed.ts';
import { sameStage, stageTitle } from '../experiment/stage.ts';
import { entriesOf } from '../experiment/stages.ts';

/** A stage whose report may have changed: its attempt runs, or has ended and its report must be read once more. */
export type StageToRead = { readonly key: StageKey; readonly attempt: number; readonly ended: boolean };

type KnownReport = {
  readonly key: StageKey;
  readonly tag?: string;
  readonly report?: StageProgress;
  /** When a read first showed this version of the report, or that there is none. */
  readonly changedMs: number;
  /** The last successful read. */
  readonly readMs: number;
  /** The attempt whose report was read after its end: it cannot change any more. */
  readonly closedAttempt?: number;
};

const PAUSE_MS = { first: 5000, longest: 120_000 } as const;

/** The pause after so many failures in a row, in milliseconds. */
export function pauseMs(failuresInARow: number): number {
  return Math.min(PAUSE_MS.first * 2 ** Math.min(failuresInARow - 1, 20), PAUSE_MS.longest);
}

type News = { readonly tag: string; readonly report: StageProgress | undefined } | 'absent' | 'unchanged';

export class ProgressMemory {
  readonly #stages = new Map<string, KnownReport>();
  #toRead: readonly StageToRead[] = [];
  #runningFolds = 0;
  readonly #failing = new Map<string, { readonly inARow: number; readonly untilMs: number }>();
  #reportedUntilMs = Number.NEGATIVE_INFINITY;
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

  /** Stages that have ended and whose final report was not read yet. */
  get #unclosed(): readonly StageToRead[] {
    return this.#toRead.filter(({ key, attempt, ended }) => ended && this.#stages.get(stageTitle(key))?.closedAttempt !== attempt);
  }

  /** The stages to read now. */
  due(nowMs: number): readonly StageToRead[] {
    return this.#readable.filter((stage) => this.#nextMs(stage) <= nowMs);
  }

  /** When a stage must be read again, in milliseconds; undefined if no report can change. May be in the past. */
  get nextMs(): number | undefined {
    const times = this.#readable.map((stage) => this.#nextMs(stage));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  get #readable(): readonly StageToRead[] {
    return [...this.#toRead.filter(({ ended }) => !ended), ...this.#unclosed];
  }

  #nextMs({ key, ended }: StageToRead): number {
    const pausedUntilMs = this.#failing.get(stageTitle(key))?.untilMs ?? Number.NEGATIVE_INFINITY;
    return ended ? pausedUntilMs : Math.max(this.dueMs, pausedUntilMs);
  }

  tagOf(key: StageKey): string | undefined {
    return this.#stages.get(stageTitle(key))?.tag;
  }

  /**
   * Records that a stage's report was read at `nowMs`. `news` is its new content, `'absent'` if there is no report, or `'unchanged'`.
   */
  note({ key, attempt, ended }: StageToRead, news: News, nowMs: number): void {
    const known = this.#stages.get(stageTitle(key));
    const { tag, report } = news === 'unchanged' ? (known ?? {}) : news === 'absent' ? {} : news;
    const isSame = known !== undefined && known.tag === tag;
    this.#stages.set(stageTitle(key), {
      key,
      ...(tag === undefined ? {} : { tag }),
      ...(report === undefined ? {} : { report }),
      changedMs: isSame ? known.changedMs : nowMs,
      readMs: nowMs,
      ...(ended ? { closedAttempt: attempt } : {}),
    });
    this.#failing.delete(stageTitle(key));
  }

  /**
   * Records that a stage's report could not be read: it is not read again during a pause that grows with each failure. Returns the
   * milliseconds of the pause, or undefined if a failure of this experiment has been reported a short while ago.
   */
  noteFailure({ key }: StageToRead, nowMs: number): number | undefined {
    const inARow = (this.#failing.get(stageTitle(key))?.inARow ?? 0) + 1;
    const againInMs = pauseMs(inARow);
    this.#failing.set(stageTitle(key), { inARow, untilMs: nowMs + againInMs });
    if (nowMs < this.#reportedUntilMs) return undefined;
    this.#reportedUntilMs = nowMs + againInMs;
    return againInMs;
  }

  /** All known reports, and when they were read. */
  progress(): ObservedProgress {
    const known = [...this.#stages.values()];
    const heartbeats = known.map(({ key, changedMs, readMs }): Heartbeat => ({ ...key, changedAt: iso(changedMs), readAt: iso(readMs) }));
    return { ...observedProgress(known.map(({ key, report }) => [key, report] as const)), heartbeats };
  }
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** For how long an evicted stage may still write its checkpoint and its last report, and a read may be late. */
const LAST_REPORT_MS = 300_000;

/**
 * The stages that run or have ended, according to the latest status and, if `runs` has a newer attempt, to what was observed since. Stages
 * that have not begun, and all stages of an ended experiment, have nothing to read.
 */
export function stagesToRead(status: ExperimentStatus | undefined, runs: readonly StageRun[], nowMs: number): readonly StageToRead[] {
  if (status === undefined || isTerminal(status)) return [];
  return entriesOf(status).flatMap(([key, stage]): StageToRead[] => {
    const [newest] = runs.filter((run) => sameStage(run, key)).toSorted((a, b) => b.attempt - a.attempt);
    return newest !== undefined && newest.attempt >= stage.attempts ? byRun(key, newest, nowMs) : byStatus(key, stage);
  });
}

function byRun(key: StageKey, { state, attempt, evictedAt }: StageRun, nowMs: number): StageToRead[] {
  const wasEvicted = state === 'queued' && evictedAt !== undefined && nowMs - Date.parse(evictedAt) < LAST_REPORT_MS;
  if ((state === 'queued' && !wasEvicted) || state === 'pending') return [];
  return [{ key, attempt, ended: state === 'succeeded' || state === 'failed' }];
}

function byStatus(key: StageKey, stage: StageStatus): StageToRead[] {
  if (stage.attempts === 0 || stage.state === 'Starting' || stage.state === 'Queued' || stage.state === 'Pending') return [];
  return [{ key, attempt: stage.attempts, ended: !holdsPlace(stage) }];
}
