/** What the commands of the three stages share: their options, the store, the stop signal, and the log that they leave in the store. */
import { attemptLogKey } from '@carpal/artifacts/logs.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import { StageLog } from '@carpal/artifacts/stage-log.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError, formatError } from '@carpal/configs/errors.ts';
import { loadExperiment } from '@carpal/configs/load.ts';
import { ATTEMPT_VARIABLE, type StageKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { type MemoryLimit, readMemoryLimit, sharedLimit } from '@carpal/trainer/memory/process-memory.ts';
import { Command, Option } from 'commander';
import { wholeNumber } from './option-values.ts';
import { type ProgressStream, progressLine } from './progress-line.ts';
import { withStopSignal } from './stop-signal.ts';

export type StageOptions = {
  readonly experiment: string;
  readonly artifacts: string;
  readonly attempt?: number;
  readonly memoryShare?: number;
};

/** A command with the options that all stages have. */
export function stageCommand(description: string): Command {
  return new Command()
    .description(description)
    .requiredOption('--experiment <file>', 'manifest or experiment.json')
    .requiredOption('--artifacts <uri>', 'the artifact store: a folder or s3://bucket/prefix')
    .addOption(
      new Option('--attempt <n>', 'number of this attempt of the stage; with it, the log is stored with the artifacts too')
        .env(ATTEMPT_VARIABLE)
        .argParser(wholeNumber('--attempt', 1, 1_000_000)),
    )
    .option(
      '--memory-share <n>',
      'all stages run on this machine, and this number of such processes share its memory (default: placement limits the other stages)',
      wholeNumber('--memory-share', 1, 1000),
    );
}

/** The memory that this stage may use, and, if all stages run on this machine, that of the ensemble stage. */
export async function memoryLimits({ memoryShare }: StageOptions): Promise<{ memoryLimit: MemoryLimit; ensembleLimit?: MemoryLimit }> {
  const own = await readMemoryLimit();
  return memoryShare === undefined ? { memoryLimit: own } : { memoryLimit: sharedLimit(own, memoryShare), ensembleLimit: own };
}

/** What a stage gets from its command. */
export type StageContext = {
  readonly experiment: SegmentationExperiment;
  readonly store: ArtifactStore;
  readonly clock: () => number;
  readonly signal: AbortSignal;
  /** Prints a line to standard output. */
  readonly log: (line: string) => void;
  /** Prints a line to standard error, such as a wait for the store. */
  readonly warn: (line: string) => void;
  /** Draws the progress to standard error. */
  readonly draw: (done: number, total: number, note?: string) => void;
};

/** A killed stage has lost the lines of at most this time. */
const UPLOAD_EVERY_MS = 30_000;
/** The log must not delay the end of a stage whose store is away. */
const LOG_STORE = { retryForMs: 5000, timeoutMs: 10_000 };

/**
 * Runs a stage until it ends or SIGTERM stops it. Everything that it prints, and the error that ends it, is stored as the log of the
 * attempt: every 30 seconds, when the stop is requested, and at the end. Throws what the stage throws.
 */
export async function runStage(options: StageOptions, key: StageKey, work: (context: StageContext) => Promise<void>): Promise<void> {
  const { artifacts, attempt } = options;
  const experiment = loadExperiment(options.experiment);
  const stored =
    attempt === undefined ? undefined : new StageLog(openStore(artifacts, LOG_STORE), attemptLogKey(experiment, { ...key, attempt }));
  const print = (stream: NodeJS.WriteStream, text: string): void => {
    stream.write(text);
    stored?.add(text);
  };
  const warn = (line: string): void => print(process.stderr, `${line}\n`);
  const { isTTY, columns } = process.stderr;
  const drawn: ProgressStream = { isTTY, columns, write: (text) => print(process.stderr, text) };
  const timer = setInterval(() => void stored?.upload(), UPLOAD_EVERY_MS).unref();
  try {
    await withStopSignal(async (signal) => {
      signal.addEventListener('abort', () => void stored?.upload());
      await work({
        experiment,
        store: openStore(artifacts, { onWait: warn }),
        clock: Date.now,
        signal,
        log: (line) => print(process.stdout, `${line}\n`),
        warn,
        draw: progressLine(key.stage, drawn, Date.now),
      });
    });
  } catch (error) {
    stored?.add(`${errorText(error)}\n`);
    throw error;
  } finally {
    clearInterval(timer);
    await stored?.upload();
  }
}

function errorText(error: unknown): string {
  if (error instanceof CarpalError) return formatError(error);
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
