import { createHash } from 'node:crypto';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { loadClasses } from '@carpal/configs/classes.ts';
import { CarpalError } from '@carpal/configs/errors.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import { parseJson } from '@carpal/configs/parse-json.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { checkpointRecordSchema } from '../train/checkpoint-record.ts';
import { type Network, openNetwork } from './network.ts';

/**
 * The best network of every fold that the experiment runs, in their order. Throws artifact-missing for a fold that has not finished,
 * checkpoint-invalid for weights that are not those its record names, weights-mismatch where they were trained for something else.
 */
export async function openFoldNetworks(experiment: SegmentationExperiment, store: ArtifactStore): Promise<Network[]> {
  const networks: Network[] = [];
  try {
    for (const fold of experiment.spec.run.folds) {
      const { bytes, where } = await readBestWeights(store, `${foldKey(experiment, fold)}/`, fold);
      const network = openNetwork(bytes, where);
      networks.push(network);
      checkTask(network, experiment);
    }
    return networks;
  } catch (error) {
    for (const network of networks) network.dispose();
    throw error;
  }
}

/** The best weights of a finished fold under `key`, which ends in a slash; throws what openFoldNetworks throws of them. */
export async function readBestWeights(store: ArtifactStore, key: string, fold: number): Promise<{ bytes: Buffer; where: string }> {
  const stateKey = key + FILE.checkpointState;
  const state = await store.readIfPresent(stateKey);
  const unfinished = (): CarpalError =>
    new CarpalError('artifact-missing', `fold ${fold} has not finished`, { where: stateKey, fix: 'Run the fold first.' });
  if (!state) throw unfinished();
  const record = checkpointRecordSchema.safeParse(parseJson(state.toString('utf8')));
  if (!record.success) throw new CarpalError('checkpoint-invalid', 'the record of the checkpoint cannot be read', { where: stateKey });
  const { finished, best } = record.data;
  if (!finished || !best) throw unfinished();
  const where = `${key}checkpoint/${best.file}`;
  const bytes = await store.read(where);
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== best.sha256)
    throw new CarpalError('checkpoint-invalid', `the weights have SHA-256 ${found}, their record says ${best.sha256}`, { where });
  return { bytes, where };
}

function checkTask({ facts, where }: Network, { spec }: SegmentationExperiment): void {
  const mismatch = (what: string): CarpalError => new CarpalError('weights-mismatch', what, { where });
  if (facts.model !== spec.model.name) throw mismatch(`the weights are of ${facts.model}, the experiment trains ${spec.model.name}`);
  if (facts.inputSize !== spec.input.size)
    throw mismatch(`the weights have an input of ${facts.inputSize} px, the experiment ${spec.input.size} px`);
  if (facts.classes.join('\n') !== loadClasses(spec.dataset.classes).join('\n'))
    throw mismatch('the weights have other classes than the experiment');
}
