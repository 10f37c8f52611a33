/** Logs of stage attempts: which lines people see, and where they are stored. */
import { type ExperimentIdentity, FILE, reportKey } from '@carpal/configs/names.ts';
import type { ArtifactStore } from './store.ts';

/** What TensorFlow prints at every start. */
const NOISE = /^(WARNING: All log messages before absl|I\d{4} )/;

/** The kubelet returns 2 KiB or 80 lines of a log. Longer texts from other sources are cut at their beginning. */
const MAX_LOG_CHARACTERS = 64 * 1024;

/** The lines of a log without colours, blank lines and the lines that TensorFlow prints at every start. */
export function logLines(text: string): readonly string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with an escape
  const plain = text.replaceAll(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '\n');
  return plain.split('\n').filter((line) => line.trim() !== '' && !NOISE.test(line));
}

/** The key of an attempt's log. `attempt` is the attempt's name, such as `wrist-fold-1-2`. */
export function attemptLogKey(experiment: ExperimentIdentity, attempt: string): string {
  return `${reportKey(experiment)}/${FILE.log}/${attempt}.txt`;
}

/** The URI of an attempt's log, for messages. */
export function attemptLogUri(store: ArtifactStore, experiment: ExperimentIdentity, attempt: string): string {
  return `${store.uri}/${attemptLogKey(experiment, attempt)}`;
}

/** Stores the readable lines of an attempt's log and returns their URI, or undefined if there are none. Throws what the store throws. */
export async function writeAttemptLog(
  store: ArtifactStore,
  experiment: ExperimentIdentity,
  attempt: string,
  text: string,
): Promise<string | undefined> {
  const lines = logLines(text);
  if (lines.length === 0) return undefined;
  await store.write(attemptLogKey(experiment, attempt), `${lines.join('\n').slice(-MAX_LOG_CHARACTERS)}\n`);
  return attemptLogUri(store, experiment, attempt);
}
