/** What a failed attempt said, kept in the artifact store before its pod goes. */
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { FILE, reportKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import type { StageRun } from '../../experiment/observed.ts';
import { logLines } from '../../progress/log-lines.ts';
import { readReportedError } from '../../progress/reported-error.ts';
import { stageErrorText } from '../../progress/stage-error-text.ts';

/** A kubelet gives 2 KiB or 80 lines of a log; whatever else a message may come to hold is cut here. */
const LONGEST_LOG = 64 * 1024;
/** Of an error or of the log, and of what the substrate says: with the log's place behind them they fit the thousand characters that a status keeps. */
const LONGEST_WORDS = 500;
const LONGEST_END = 250;
const LAST_LINES = 12;

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
 * The message of a failed attempt for its condition: what the substrate says of its end, the stage's own error if it could still report one, else
 * the last lines of its log unless it was taken away; and where the log is kept. Undefined where nothing is known. A store that is away takes nothing from what is known without it.
 */
export async function explainFailure({ store, experiment, run, onLost }: AttemptLog): Promise<{ readonly message: string } | undefined> {
  const since = new Date(run.startedAt ?? run.pendingSince);
  const [uri, error] = await Promise.all([
    keepAttemptLog({ store, experiment, run }).catch((error: unknown) => void onLost?.(error)),
    readReportedError(store, experiment, run, since).catch(() => undefined),
  ]);
  const tail = run.disrupted === true ? [] : logLines(run.lastLines ?? '').slice(-LAST_LINES);
  const said =
    error === undefined ? shortened(tail.join('\n'), 'start', LONGEST_WORDS) : shortened(stageErrorText(error), 'end', LONGEST_WORDS);
  const words = [shortened(run.message ?? '', 'end', LONGEST_END), said].filter((part) => part !== '').join('; ');
  const message = [words, uri === undefined ? '' : `(log: ${uri})`].filter((part) => part !== '').join(' ');
  return message === '' ? undefined : { message };
}

/** A log says most in its last lines, an error in its first words. */
function shortened(text: string, cut: 'start' | 'end', longest: number): string {
  if (text.length <= longest) return text;
  return cut === 'start' ? `…${text.slice(1 - longest)}` : `${text.slice(0, longest - 1)}…`;
}
