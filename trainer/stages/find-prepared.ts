import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { parseJson } from '@carpal/configs/json.ts';
import { type ExperimentIdentity, preparedKey, prepareKey } from '@carpal/configs/names.ts';
import { openPrepared, type PreparedSet } from '@carpal/report/dataset/prepared-set.ts';

/** Where the prepare stage notes which prepared set is this experiment's: later stages do not need the data set itself. */
export function preparedNoteKey(experiment: ExperimentIdentity): string {
  return `${prepareKey(experiment)}/prepared.json`;
}

/** The prepared set that the experiment's prepare stage made. Throws `artifact-missing` if that has not finished, `prepared-invalid` if the set is damaged. */
export async function findPrepared(experiment: ExperimentIdentity, store: ArtifactStore): Promise<PreparedSet> {
  const key = preparedNoteKey(experiment);
  const note = await store.readIfPresent(key);
  if (note === undefined)
    throw new CarpalError('artifact-missing', 'the data set of this experiment has not been prepared', {
      where: key,
      fix: 'Run carpal prepare with the same --experiment and --artifacts.',
    });
  const hash = hashOf(note.toString('utf8'));
  if (hash === undefined) throw new CarpalError('prepared-invalid', 'the note of the prepared set is damaged', { where: key });
  return openPrepared(await store.checkout(preparedKey(hash)));
}

function hashOf(text: string): string | undefined {
  const { hash } = (parseJson(text) ?? {}) as { hash?: unknown };
  return typeof hash === 'string' ? hash : undefined;
}
