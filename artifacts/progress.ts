/** progress.json of a stage: the only writer (prepare, fold and ensemble use it) and the only reader. */
import { CarpalError } from '@carpal/configs/errors.ts';
import { parseJson } from '@carpal/configs/json.ts';
import { type ExperimentIdentity, FILE, type StageKey, stageFolderKey } from '@carpal/configs/names.ts';
import { plainText } from '@carpal/configs/plain-text.ts';
import {
  LONGEST_WARNING,
  MOST_WARNINGS,
  type StageError,
  type StageProgress,
  stageProgressSchema,
} from '@carpal/configs/schema/progress.ts';
import { plainStageError, stageErrorOf } from './stage-error.ts';
import type { ArtifactStore } from './store.ts';

/** Wall-clock time in milliseconds since 1970. It is injected, so only entry points read the machine's clock. */
export type Clock = () => number;

/** Minimum time between two writes of progress.json when no epoch, stage or stop ends in between. */
const PROGRESS_EVERY_MS = 10_000;

export type ProgressFields = Partial<Omit<StageProgress, 'stage' | 'fold' | 'updatedAt' | 'warnings'>>;

/** The key of a stage's progress.json. */
export function progressKey(experiment: ExperimentIdentity, stage: StageKey): string {
  return `${stageFolderKey(experiment, stage)}/${FILE.progress}`;
}

export type ProgressWriterOptions = {
  readonly store: ArtifactStore;
  readonly experiment: ExperimentIdentity;
  readonly stage: StageKey;
  readonly clock: Clock;
  /** Fields that every write contains, from the first one on. */
  readonly initial?: ProgressFields;
};

/** Writes progress.json of one stage. Fields stay until a later change replaces them. */
export class ProgressWriter {
  readonly #store: ArtifactStore;
  readonly #key: string;
  readonly #stage: StageKey;
  readonly #clock: Clock;
  #latest: ProgressFields;
  #warnings: readonly string[] = [];
  #writtenMs = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> = Promise.resolve();
  #unfinishedWrites = 0;

  constructor({ store, experiment, stage, clock, initial = {} }: ProgressWriterOptions) {
    this.#store = store;
    this.#key = progressKey(experiment, stage);
    this.#stage = stage;
    this.#clock = clock;
    this.#latest = { state: 'running', ...initial };
  }

  /**
   * Adds the change and writes it immediately, for the end of an epoch or a stage. Writes run one after the other, so an older report never
   * overwrites a newer one. Throws the error of this write, or of an earlier one that has not been thrown yet.
   */
  async write(change: ProgressFields): Promise<void> {
    this.#latest = { ...this.#latest, ...change };
    this.#writtenMs = this.#clock();
    const { stage, fold } = this.#stage;
    const progress = {
      stage,
      ...(fold === undefined ? {} : { fold }),
      ...this.#latest,
      ...(this.#warnings.length === 0 ? {} : { warnings: this.#warnings }),
      updatedAt: new Date(this.#writtenMs).toISOString(),
    };
    this.#unfinishedWrites += 1;
    this.#writing = this.#writing
      .then(() => this.#store.write(this.#key, `${JSON.stringify(progress, null, 2)}\n`))
      .finally(() => {
        this.#unfinishedWrites -= 1;
      });
    await this.#writing;
  }

  /** Adds the change, and writes it if the last write was at least ten seconds ago. */
  async update(change: ProgressFields): Promise<void> {
    if (this.#clock() - this.#writtenMs >= PROGRESS_EVERY_MS) await this.write(change);
    else this.#latest = { ...this.#latest, ...change };
  }

  /** Like `update`, for callers that cannot wait. The next `write` throws the error of this update. */
  updateInBackground(change: ProgressFields): void {
    this.update(change).catch(() => undefined);
  }

  /**
   * The heartbeat: refreshes `updatedAt` at most every ten seconds. To be called whenever work has advanced, and never by a timer or while
   * the stage waits: a stage that hangs must look stalled. Does not wait, and does nothing while the store has not accepted the last report.
   */
  readonly beat = (): void => {
    if (this.#unfinishedWrites === 0) this.updateInBackground({});
  };

  /**
   * Adds a warning about the results to this and every later report. Control characters are removed, lines are joined, and a long text is
   * shortened. A warning that was given before, or that comes after the eighth, changes nothing. Does not wait: the report is written
   * soon, and at the latest with the next `write`.
   */
  warn(message: string): void {
    const warnings = warningsOf([...this.#warnings, message]);
    if (warnings.length === this.#warnings.length) return;
    this.#warnings = warnings;
    this.updateInBackground({});
  }

  /** The warnings so far. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Records why the stage ended early. Never throws: a store that refuses the report must not hide the error itself. */
  async fail(error: unknown): Promise<void> {
    this.#writing = Promise.resolve();
    const isStop = error instanceof CarpalError && error.code === 'stopped-with-checkpoint';
    await this.write(isStop ? { state: 'stopped' } : { state: 'failed', error: stageErrorOf(error) }).catch(() => undefined);
  }

  /** Sets the state to 'finished' if a kill came between the end of the stage and its report. Other fields in the file stay. */
  async ensureFinished(): Promise<void> {
    const former = stageProgressSchema.safeParse(parseJson((await this.#store.readIfPresent(this.#key))?.toString('utf8') ?? ''));
    if (former.data?.state === 'finished') return;
    const { error: _, warnings = [], ...fields } = former.data ?? {};
    this.#warnings = warningsOf([...warnings, ...this.#warnings]);
    await this.write({ ...fields, state: 'finished', etaSeconds: 0 });
  }
}

/**
 * The report in a progress.json, with null for implausible numbers. Undefined if the file is missing or cannot be read: reports inform
 * people, and no decision depends on one.
 */
export function parseProgress(content: Buffer | undefined): StageProgress | undefined {
  const report = content === undefined ? undefined : stageProgressSchema.safeParse(parseJson(content.toString('utf8'))).data;
  return report === undefined ? undefined : withPlausibleNumbers(report);
}

/** A stage writes less than 2 KiB, or with an error less than 50 KiB. A larger object is not a report. */
export const LONGEST_REPORT_BYTES = 64 * 1024;

/** The current report of one stage, as {@link parseProgress} reads it; undefined for an object that is too large for a report. */
export async function readStageProgress(
  store: ArtifactStore,
  experiment: ExperimentIdentity,
  stage: StageKey,
): Promise<StageProgress | undefined> {
  const limit = { maxBytes: LONGEST_REPORT_BYTES };
  const content = await store.readIfPresent(progressKey(experiment, stage), limit).catch((error: unknown) => {
    if (error instanceof CarpalError && error.code === 'artifact-too-large') return undefined;
    throw error;
  });
  return parseProgress(content);
}

/** The error that a stage reported at or after `since`. An older one belongs to an earlier attempt. */
export async function readReportedError(
  store: ArtifactStore,
  experiment: ExperimentIdentity,
  stage: StageKey,
  since: Date,
): Promise<StageError | undefined> {
  const report = await readStageProgress(store, experiment, stage);
  return report?.error === undefined || Date.parse(report.updatedAt) < since.getTime() ? undefined : report.error;
}

/** The CRD limits counts to this. */
const MAX_COUNT = 1_000_000_000;
/** No stage takes longer. Beyond the year 9999, ISO 8601 times have another form. */
const TEN_YEARS_S = 315_360_000;

/** The texts as warnings: plain, each in one line, each once, and not more and not longer than a report allows. */
function warningsOf(texts: readonly string[]): readonly string[] {
  const lines = texts.map((text) => plainText(text).replaceAll(/\s+/g, ' ').trim());
  const shortened = lines.map((line) => (line.length <= LONGEST_WARNING ? line : `${line.slice(0, LONGEST_WARNING - 1)}…`));
  return [...new Set(shortened)].filter((line) => line !== '').slice(0, MOST_WARNINGS);
}

type MaybeNumber = number | null | undefined;

/** The number if it is between `least` and `most`, otherwise null, which means unknown. */
function within(value: MaybeNumber, least: number, most: number): MaybeNumber {
  return value === undefined || value === null || (value >= least && value <= most) ? value : null;
}

function count(value: MaybeNumber): MaybeNumber {
  const known = within(value, 0, MAX_COUNT);
  return typeof known === 'number' ? Math.floor(known) : known;
}

/**
 * The report with null for implausible numbers, because a status must accept them and estimates are computed from them, and without escape
 * sequences.
 */
function withPlausibleNumbers(report: StageProgress): StageProgress {
  const { epoch, epochs, step, stepsPerEpoch, done, total, loss, dice, bestDice, etaSeconds, gpu, warnings, error } = report;
  return {
    ...report,
    ...(typeof gpu === 'string' ? { gpu: plainText(gpu) } : {}),
    ...(warnings === undefined ? {} : { warnings: [...warningsOf(warnings)] }),
    ...(error === undefined ? {} : { error: plainStageError(error) }),
    epoch: count(epoch),
    epochs: count(epochs),
    step: count(step),
    stepsPerEpoch: count(stepsPerEpoch),
    done: count(done),
    total: count(total),
    // Any loss that is still a finite number after rounding.
    loss: within(loss, -1e300, 1e300),
    dice: within(dice, 0, 1),
    bestDice: within(bestDice, 0, 1),
    etaSeconds: within(etaSeconds, 0, TEN_YEARS_S),
  };
}
