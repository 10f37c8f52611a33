import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import type { StageName, StageProgress } from '@carpal/configs/schema/progress.ts';
import { stageErrorOf } from './stage-error.ts';

/** How old progress.json may grow while nothing but counts change. */
const PROGRESS_EVERY_MS = 10_000;

export type ReportFields = Partial<Omit<StageProgress, 'stage' | 'updatedAt'>>;

/** progress.json of a stage that works through a number of items. */
export class StageReport {
  readonly #store: ArtifactStore;
  readonly #key: string;
  readonly #stage: StageName;
  readonly #clock: () => number;
  #latest: ReportFields = {};
  #writtenMs = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> = Promise.resolve();

  constructor(store: ArtifactStore, key: string, stage: StageName, clock: () => number) {
    this.#store = store;
    this.#key = key;
    this.#stage = stage;
    this.#clock = clock;
  }

  /** Writes what changed now, after whatever is being written, so that an older report never overwrites a newer one. */
  async write(fields: ReportFields): Promise<void> {
    this.#latest = { ...this.#latest, ...fields };
    this.#writtenMs = this.#clock();
    const updatedAt = new Date(this.#writtenMs).toISOString();
    const progress: StageProgress = { stage: this.#stage, state: 'running', ...this.#latest, updatedAt };
    this.#writing = this.#writing.then(() => this.#store.write(this.#key, `${JSON.stringify(progress, null, 2)}\n`));
    await this.#writing;
  }

  /** Writes what changed if the last writing is old. */
  async note(fields: ReportFields): Promise<void> {
    if (this.#clock() - this.#writtenMs >= PROGRESS_EVERY_MS) await this.write(fields);
    else this.#latest = { ...this.#latest, ...fields };
  }

  /** `note` for callers that cannot wait: it slows nothing, and an error of it is kept for the next `write` to throw. */
  noteSoon(fields: ReportFields): void {
    this.note(fields).catch(() => undefined);
  }

  /** Tells why the stage ended early. A store that does not take even this must not hide the error itself. */
  async fail(error: unknown): Promise<void> {
    this.#writing = Promise.resolve();
    const isStop = error instanceof CarpalError && error.code === 'stopped-with-checkpoint';
    await this.write(isStop ? { state: 'stopped' } : { state: 'failed', error: stageErrorOf(error) }).catch(() => undefined);
  }
}
