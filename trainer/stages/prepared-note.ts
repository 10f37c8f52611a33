import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { parseJson } from '@carpal/configs/json.ts';
import { type ExperimentIdentity, preparedKey, prepareKey } from '@carpal/configs/names.ts';
import { openPrepared, type PreparedSet } from '@carpal/report/dataset/prepared-set.ts';

/** The key under which the prepare stage records the prepared set of an experiment, so later stages do not need the data set itself. */
function preparedNoteKey(experiment: ExperimentIdentity): string {
  return `${prepareKey(experiment)}/prepared.json`;
}

/** Records the prepared set of an experiment for the later stages. */
export async function notePrepared(experiment: ExperimentIdentity, store: ArtifactStore, { hash, samples }: PreparedSet): Promise<void> {
  await store.write(preparedNoteKey(experiment), `${JSON.stringify({ hash, key: preparedKey(hash), images: samples.length })}\n`);
}

/**
 * The prepared set of an experiment. Throws `artifact-missing` if the prepare stage has not finished, and `prepared-invalid` for a damaged
 * set.
 */
export async function findPrepared(experiment: ExperimentIdentity, store: ArtifactStore): Promise<PreparedSet> {
  const key = preparedNoteKey(experiment);
  const note = await store.readIfPresent(key);
  if (note === undefined)
    throw new CarpalError('artifact-missing', 'the data set of this experiment has not been prepared', {
      where: key,
      fix: 'Run carpal prepare with the same --experiment and --artifacts.',
    });
  const hash = hashOf(note.toString('utf8'));
  if (hash === undefined) throw new CarpalError('prepared-invalid', 'the record of the prepared set is damaged', { where: key });
  return openPrepared(await store.checkout(preparedKey(hash)));
}

function hashOf(text: string): string | undefined {
  const { hash } = (parseJson(text) ?? {}) as { hash?: unknown };
  return typeof hash === 'string' ? hash : undefined;
}
