import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { parseJson } from '@carpal/configs/json.ts';
import { type ExperimentIdentity, FILE, preparedKey, prepareKey } from '@carpal/configs/names.ts';
import { openPrepared, type PreparedSet } from '@carpal/report/dataset/prepared-set.ts';
import { z } from 'zod';

/** The key under which the prepare stage records the prepared set of an experiment, so later stages do not need the data set itself. */
function preparedNoteKey(experiment: ExperimentIdentity): string {
  return `${prepareKey(experiment)}/${FILE.preparedNote}`;
}

/** Records the prepared set of an experiment for the later stages. */
export async function notePrepared(experiment: ExperimentIdentity, store: ArtifactStore, { hash, samples }: PreparedSet): Promise<void> {
  const key = preparedKey(experiment.metadata.namespace, hash);
  await store.write(preparedNoteKey(experiment), `${JSON.stringify({ hash, key, images: samples.length })}\n`);
}

/**
 * The key of a prepared set in version 0.1 and earlier, when all namespaces shared the sets. An experiment whose prepare stage that version
 * finished names it in its note and goes on with it. Nothing writes it any more: it can go as soon as such experiments have ended.
 */
const keyWithoutNamespace = (hash: string): string => `datasets/prepared/${hash}`;

/**
 * The prepared set of an experiment. Throws `artifact-missing` if the prepare stage has not finished, and `prepared-invalid` for a damaged
 * set.
 */
export async function findPrepared(experiment: ExperimentIdentity, store: ArtifactStore): Promise<PreparedSet> {
  const where = preparedNoteKey(experiment);
  const bytes = await store.readIfPresent(where);
  if (bytes === undefined)
    throw new CarpalError('artifact-missing', 'the data set of this experiment has not been prepared', {
      where,
      fix: 'Run carpal prepare with the same --experiment and --artifacts.',
    });
  const note = noteSchema.safeParse(parseJson(bytes.toString('utf8'))).data;
  if (note === undefined) throw new CarpalError('prepared-invalid', 'the record of the prepared set is damaged', { where });
  const { hash, key } = note;
  const isOld = key === keyWithoutNamespace(hash);
  return openPrepared(await store.checkout(isOld ? key : preparedKey(experiment.metadata.namespace, hash)));
}

const noteSchema = z.object({ hash: z.string().regex(/^[0-9a-f]+$/), key: z.string() });
