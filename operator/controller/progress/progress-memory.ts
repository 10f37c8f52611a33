import type { StageProgress } from '@carpal/configs/schema/progress.ts';
import type { ObservedProgress } from '../../experiment/observed.ts';
import { type StageKey, stageTitle } from '../../experiment/stage.ts';
import { observedProgress } from '../../progress/read-progress.ts';
import type { StageToRead } from './stages-to-read.ts';

type StageMemory = {
  readonly key: StageKey;
  tag?: string;
  report?: StageProgress;
  /** The attempt whose end has been read: nothing new comes of it. */
  closedAttempt?: number;
};

/** What is known of one experiment's reports. */
export class ProgressMemory {
  readonly #stages = new Map<string, StageMemory>();
  #toRead: readonly StageToRead[] = [];
  /** Running stages are read again at this time, in milliseconds. */
  dueMs = Number.NEGATIVE_INFINITY;
  /** The read under way. */
  refresh: Promise<void> | undefined;

  /** Takes in what the experiment's stages do now. */
  look(stages: readonly StageToRead[]): void {
    this.#toRead = stages;
  }

  get runningFolds(): number {
    return this.#toRead.filter(({ key, ended }) => key.stage === 'fold' && !ended).length;
  }

  /** Whether any stage runs, and will have news. */
  get isRunning(): boolean {
    return this.#toRead.some(({ ended }) => !ended);
  }

  /** Stages that have ended and were not read since. */
  get unclosed(): readonly StageToRead[] {
    return this.#toRead.filter(({ key, attempt, ended }) => ended && this.#stages.get(stageTitle(key))?.closedAttempt !== attempt);
  }

  /** What is worth a read now. */
  due(nowMs: number): readonly StageToRead[] {
    if (nowMs < this.dueMs) return this.unclosed;
    return [...this.#toRead.filter(({ ended }) => !ended), ...this.unclosed];
  }

  tagOf(key: StageKey): string | undefined {
    return this.#stages.get(stageTitle(key))?.tag;
  }

  /** A stage's report was read: its new content, none, or (with `undefined` for `news`) the one known. */
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

  /** Everything known. */
  progress(): ObservedProgress {
    return observedProgress([...this.#stages.values()].map(({ key, report }) => [key, report] as const));
  }
}
