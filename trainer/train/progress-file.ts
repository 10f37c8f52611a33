import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { parseJson } from '@carpal/configs/parse-json.ts';
import { type StageProgress, stageProgressSchema } from '@carpal/configs/schema/progress.ts';

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
  #latest: ProgressFields;

  /** `always`: what it says from its first writing on. */
  constructor(store: ArtifactStore, key: string, fold: number, clock: Clock, always: Partial<ProgressFields> = {}) {
    this.#store = store;
    this.#key = key;
    this.#fold = fold;
    this.#clock = clock;
    this.#latest = { state: 'running', ...always };
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

  /** Makes the file say 'finished' if a kill came between the end and its telling; what else it says stays. */
  async ensureFinished(): Promise<void> {
    const former = stageProgressSchema.safeParse(parseJson((await this.#store.readIfPresent(this.#key))?.toString('utf8') ?? ''));
    if (former.data?.state === 'finished') return;
    const { error: _, ...fields } = former.data ?? {};
    await this.tellNow({ ...fields, state: 'finished', etaSeconds: 0 });
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
