/** Logs of stage attempts: which lines people see, and where they are stored. */
import { type ExperimentIdentity, experimentKey, FILE, type StageKey } from '@carpal/configs/names.ts';
import { plainText } from '@carpal/configs/plain-text.ts';
import type { ArtifactStore } from './store.ts';

/** One attempt of a stage, counted from 1. */
export type AttemptKey = StageKey & { readonly attempt: number };

/** What TensorFlow prints at every start. */
const NOISE = /^(WARNING: All log messages before absl|I\d{4} )/;

/** The kubelet returns 2 KiB or 80 lines of a log. Longer texts from other sources are cut at their beginning. */
const MAX_LOG_CHARACTERS = 64 * 1024;

/** The lines of a log without escape sequences, control characters, blank lines and the lines that TensorFlow prints at every start. */
export function logLines(text: string): readonly string[] {
  return plainText(text)
    .split('\n')
    .filter((line) => line.trim() !== '' && !NOISE.test(line));
}

/** The key of an attempt's log: `logs/fold-1-2.txt` or `logs/prepare-1.txt` under the key of the experiment. */
export function attemptLogKey(experiment: ExperimentIdentity, { stage, fold, attempt }: AttemptKey): string {
  const name = fold === undefined ? stage : `${stage}-${fold}`;
  return `${experimentKey(experiment)}/${FILE.logs}/${name}-${attempt}.txt`;
}

/** The URI of an attempt's log, for messages. */
export function attemptLogUri(store: ArtifactStore, experiment: ExperimentIdentity, attempt: AttemptKey): string {
  return `${store.uri}/${attemptLogKey(experiment, attempt)}`;
}

/**
 * Stores the readable lines of `text` as an attempt's log, unless the attempt has stored its own, complete log. Returns the URI of the log,
 * or undefined if there is none. Throws what the store throws.
 */
export async function writeAttemptLog(
  store: ArtifactStore,
  experiment: ExperimentIdentity,
  attempt: AttemptKey,
  text: string,
): Promise<string | undefined> {
  const key = attemptLogKey(experiment, attempt);
  const lines = logLines(text);
  const isStored = (await store.list(key)).length > 0;
  if (!isStored && lines.length === 0) return undefined;
  if (!isStored) await store.writeIfUnchanged(key, `${lines.join('\n').slice(-MAX_LOG_CHARACTERS)}\n`, undefined);
  return attemptLogUri(store, experiment, attempt);
}
