/** What a failed attempt said, kept in the artifact store before its pod goes. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { FILE, reportKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { endWords } from '../../experiment/end-words.ts';
import type { StageRun } from '../../experiment/observed.ts';
import { logLines } from '../../progress/log-lines.ts';
import { readReportedError } from '../../progress/reported-error.ts';
import { stageErrorText } from '../../progress/stage-error-text.ts';

/** A kubelet gives 2 KiB or 80 lines of a log; whatever else a message may come to hold is cut here. */
const LONGEST_LOG = 64 * 1024;
/** Of the stage's error, and of what the substrate says: with the log's place behind them they fit the thousand characters that a status keeps. */
const LONGEST_ERROR = 500;
const LONGEST_END = 250;

/** The log's key: beside those that `carpal run` keeps. */
function attemptLogKey(experiment: SegmentationExperiment, attempt: string): string {
  return `${reportKey(experiment)}/${FILE.log}/${attempt}.txt`;
}

/** Where {@link keepAttemptLog} puts the log of the attempt of this name, for people. */
export function attemptLogUri(store: ArtifactStore, experiment: SegmentationExperiment, attempt: string): string {
  return `${store.uri}/${attemptLogKey(experiment, attempt)}`;
}

export type AttemptLog = {
  readonly store: ArtifactStore;
  readonly experiment: SegmentationExperiment;
  readonly run: StageRun;
  /** Hears of a store that did not take a log. */
  readonly onLost?: (error: unknown) => void;
};

/**
 * Writes the last log lines of an ended attempt to the store; doing it again changes nothing. Returns their URI, or undefined where there
 * is nothing to keep. Throws what the store throws.
 */
export async function keepAttemptLog({ store, experiment, run }: AttemptLog): Promise<string | undefined> {
  const lines = logLines(run.lastLines ?? '');
  if (lines.length === 0) return undefined;
  await store.write(attemptLogKey(experiment, run.name), `${lines.join('\n').slice(-LONGEST_LOG)}\n`);
  return attemptLogUri(store, experiment, run.name);
}

/**
 * The message of a failed attempt for its condition: what the substrate says of its end and the stage's own error, if it could still report one,
 * else what `endWords` says; and where the log is kept. Undefined where nothing is known. A store that is away takes nothing from what is known
 * without it.
 */
export async function explainFailure({ store, experiment, run, onLost }: AttemptLog): Promise<{ readonly message: string } | undefined> {
  const since = new Date(run.startedAt ?? run.pendingSince);
  const [uri, error] = await Promise.all([
    keepAttemptLog({ store, experiment, run }).catch((error: unknown) => void onLost?.(error)),
    readReportedError(store, experiment, run, since).catch(() => undefined),
  ]);
  const end = shortened(run.message ?? '', LONGEST_END);
  const words =
    error === undefined ? endWords({ ...run, message: end }) : joined('; ', end, shortened(stageErrorText(error), LONGEST_ERROR));
  const message = joined(' ', words, uri === undefined ? '' : `(log: ${uri})`);
  return message === '' ? undefined : { message };
}

const joined = (by: string, ...parts: readonly string[]): string => parts.filter((part) => part !== '').join(by);

const shortened = (text: string, longest: number): string => (text.length <= longest ? text : `${text.slice(0, longest - 1)}…`);
