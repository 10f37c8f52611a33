import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import type { StageProgress } from '@carpal/configs/schema/progress.ts';

/** Wall-clock time in milliseconds since 1970, injected so that nothing below a program asks the machine. */
export type Clock = () => number;

/** How long a written progress.json stays good enough while nothing of note happens. */
export const PROGRESS_EVERY_MS = 10_000;

export type ProgressFields = Omit<StageProgress, 'stage' | 'updatedAt'>;

/** progress.json of a fold: small, overwritten whole, at most every ten seconds unless something ended. */
export class ProgressFile {
  readonly #store: ArtifactStore;
  readonly #key: string;
  readonly #clock: Clock;
  readonly #fold: number;
  #writtenMs = Number.NEGATIVE_INFINITY;
  #latest: ProgressFields = { state: 'running' };

  constructor(store: ArtifactStore, key: string, fold: number, clock: Clock) {
    this.#store = store;
    this.#key = key;
    this.#fold = fold;
    this.#clock = clock;
  }

  /** What was told last, written or not. */
  get latest(): ProgressFields {
    return this.#latest;
  }

  /** Adds what changed and writes it if the last writing is old. */
  async tell(change: Partial<ProgressFields>): Promise<void> {
    this.#latest = { ...this.#latest, ...change };
    if (this.#clock() - this.#writtenMs >= PROGRESS_EVERY_MS) await this.#write();
  }

  /** Adds what changed and writes it now: an epoch's end, a stop, an end. */
  async tellNow(change: Partial<ProgressFields>): Promise<void> {
    this.#latest = { ...this.#latest, ...change };
    await this.#write();
  }

  async #write(): Promise<void> {
    this.#writtenMs = this.#clock();
    const progress: StageProgress = {
      stage: 'fold',
      fold: this.#fold,
      ...this.#latest,
      updatedAt: new Date(this.#writtenMs).toISOString(),
    };
    await this.#store.write(this.#key, `${JSON.stringify(progress, null, 2)}\n`);
  }
}
