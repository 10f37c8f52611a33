import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCheckpointRecord } from '@carpal/artifacts/checkpoint-record.ts';
import { openStore } from '@carpal/artifacts/open-store.ts';
import type { ArtifactStore } from '@carpal/artifacts/store.ts';
import { loadClasses } from '@carpal/configs/classes.ts';
import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import { systemErrorCode } from '@carpal/configs/file-errors.ts';
import { FILE, foldKey } from '@carpal/configs/names.ts';
import type { SegmentationExperiment } from '@carpal/configs/schema/experiment.ts';
import { trainingScale } from '@carpal/configs/schema/options.ts';
import { checkFinite } from '../engine/named-arrays.ts';
import { decodeSafetensors } from '../engine/safetensors.ts';
import { withValueLimit } from '../models/layers/variables.ts';
import type { Model } from '../models/model.ts';
import { buildModel } from '../models/registry.ts';
import { writeWeights } from '../models/weights.ts';
import { createPredictor, type EstimatedPredictor } from '../step/inference.ts';
import type { Voter } from './image-logits.ts';
import { readFacts, type WeightsFacts } from './weights-facts.ts';
import type { WindowSpec } from './windows.ts';

/** A trained network, ready to predict. It holds device memory until `dispose`. `where` is the place of its weights. */
export type Network = Voter & {
  readonly predictor: EstimatedPredictor;
  readonly facts: WeightsFacts;
  readonly where: string;
  dispose(): void;
};

/** A weights file, read whole. */
type WeightsBytes = { readonly bytes: Buffer; readonly where: string };

/** Weights that take part in a vote. `path` is a file or an experiment's folder; a folder means the best weights of each of its folds. */
export type WeightsChoice = { readonly path: string; readonly weight: number };

/**
 * The networks of all chosen weights, in order, of any input size and architecture. Throws what openNetwork and readBestWeights throw,
 * usage-invalid if nothing is chosen, weights-invalid for a missing file, and weights-mismatch if networks differ in their classes.
 */
export async function openNetworks(choices: readonly WeightsChoice[]): Promise<[Network, ...Network[]]> {
  const networks: Network[] = [];
  try {
    for (const { path, weight } of choices) {
      for await (const { bytes, where } of weightsOf(path)) networks.push({ ...openNetwork(bytes, where), weight });
    }
    checkSameClasses(networks);
    const [first, ...others] = networks;
    if (!first) throw new CarpalError('usage-invalid', 'no weights are given', { where: '--weights' });
    return [first, ...others];
  } catch (error) {
    for (const network of networks) network.dispose();
    throw error;
  }
}

/**
 * The best network of each fold that the experiment runs, in order. Throws what readBestWeights and openNetwork throw, and weights-mismatch
 * if the weights were trained for another network, input size or other classes.
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

/** Reads one file after another, so that only the networks stay in memory. */
async function* weightsOf(path: string): AsyncGenerator<WeightsBytes> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) yield* foldWeights(path);
  else yield { bytes: await readWeightsFile(path), where: path };
}

async function* foldWeights(folder: string): AsyncGenerator<WeightsBytes> {
  const store = openStore(folder);
  const folds = new Set((await store.list('folds')).flatMap(({ key }) => /^folds\/(\d+)\//.exec(key)?.[1] ?? []).map(Number));
  if (folds.size === 0) {
    const fix = "Give a best.safetensors file, or the folder of an experiment's artifacts, which contains folds/0, folds/1, …";
    throw new CarpalError('weights-invalid', 'the folder contains no folds', { where: folder, fix });
  }
  for (const fold of [...folds].sort((a, b) => a - b)) {
    const { bytes, where } = await readBestWeights(store, `folds/${fold}/`, fold);
    yield { bytes, where: join(folder, where) };
  }
}

export async function readWeightsFile(path: string): Promise<Buffer> {
  return readFile(path).catch((cause: unknown) => {
    const reason = messageOf(cause);
    const what = systemErrorCode(cause) === 'ENOENT' ? 'the file does not exist' : `the file cannot be read: ${reason}`;
    throw new CarpalError('weights-invalid', what, { where: path, cause });
  });
}

/**
 * The best weights of a finished fold under `key`, which ends in a slash. Throws artifact-missing if the fold has not finished, and
 * checkpoint-invalid if its record cannot be read or names other weights.
 */
async function readBestWeights(store: ArtifactStore, key: string, fold: number): Promise<WeightsBytes> {
  const stateKey = key + FILE.checkpointState;
  const state = await store.readIfPresent(stateKey);
  const unfinished = (): CarpalError =>
    new CarpalError('artifact-missing', `fold ${fold} has not finished`, { where: stateKey, fix: 'Run the fold first.' });
  if (!state) throw unfinished();
  const { finished, best } = parseCheckpointRecord(state, stateKey);
  if (!finished || !best) throw unfinished();
  const where = `${key}checkpoint/${best.file}`;
  const bytes = await store.read(where);
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== best.sha256)
    throw new CarpalError('checkpoint-invalid', `the weights have SHA-256 ${found}, but the record says ${best.sha256}`, { where });
  return { bytes, where };
}

/** A model with the weights of a file, and what the file's metadata says about them. The caller disposes of the model. */
export type TrainedModel = { readonly facts: WeightsFacts; readonly model: Model };

/**
 * The model of a weights file, built from the file's metadata. Throws weights-invalid for a damaged file, for values that are not finite
 * and for missing metadata, and weights-mismatch if the arrays do not fit the network that the metadata names.
 */
export function openModel(bytes: Uint8Array, where: string): TrainedModel {
  const { arrays, metadata } = decodeSafetensors(bytes, where);
  const facts = readFacts(metadata, where);
  const values = [...arrays.values()].reduce((count, { data }) => count + data.length, 0);
  const tooLarge = (): CarpalError =>
    new CarpalError('weights-mismatch', `the file has ${values} values, fewer than ${facts.model} with the options in its metadata`, {
      where,
    });
  const model = withValueLimit(values, tooLarge, () =>
    buildModel({ name: facts.model, options: facts.options, classes: facts.classes.length, seed: 0 }),
  );
  try {
    if (facts.inputSize % model.sizeMultiple !== 0) {
      throw new CarpalError('weights-invalid', `the input size ${facts.inputSize} is not a multiple of ${model.sizeMultiple}`, { where });
    }
    checkFinite(arrays, where);
    writeWeights(model, arrays, where);
  } catch (error) {
    model.dispose();
    throw error;
  }
  return { facts, model };
}

/** The network of a weights file. Throws what openModel throws. */
export function openNetwork(bytes: Uint8Array, where: string): Network {
  const { facts, model } = openModel(bytes, where);
  const predictor = createPredictor(model);
  const dispose = (): void => {
    predictor.dispose();
    model.dispose();
  };
  return {
    facts,
    where,
    predictor,
    inputSize: facts.inputSize,
    imageSize: facts.imageSize,
    normalize: facts.normalize,
    sizeMultiple: model.sizeMultiple,
    dispose,
  };
}

/** Throws weights-mismatch unless all networks have the classes of the first one. Input sizes may differ. */
export function checkSameClasses(networks: readonly Network[]): void {
  const [first, ...others] = networks;
  for (const { facts, where } of others) {
    if (!first || facts.classes.join('\n') === first.facts.classes.join('\n')) continue;
    throw new CarpalError('weights-mismatch', `the classes of these weights differ from those of ${first.where}`, { where });
  }
}

/**
 * Throws usage-invalid unless every network accepts these windows, which `--window` and `--sheet-size` set: of a size that it can process,
 * and cut from the image at the size that it was trained at. At another size bones would be larger or smaller than it knows them.
 */
export function checkWindow(networks: readonly Network[], { size, sheetSize }: WindowSpec): void {
  for (const { facts, where, imageSize, sizeMultiple } of networks) {
    const refuse = (what: string, option: string, fix: string): never => {
      throw new CarpalError('usage-invalid', `${facts.model} (${where}) ${what}`, { where: option, fix });
    };
    const trained = `was trained with images at ${imageSize} px`;
    if (size % sizeMultiple !== 0)
      refuse(`needs a window size that is a multiple of ${sizeMultiple}, not ${size}`, '--window', `Give a multiple of ${sizeMultiple}.`);
    if (sheetSize !== undefined && sheetSize !== imageSize)
      refuse(`${trained}, so windows cannot be cut from images at ${sheetSize} px`, '--sheet-size', 'Remove the option.');
    if (size > imageSize) refuse(`${trained}, which are smaller than a window of ${size} px`, '--window', `Give at most ${imageSize}.`);
  }
}

function checkTask({ facts, where }: Network, { spec }: SegmentationExperiment): void {
  const mismatch = (what: string): CarpalError => new CarpalError('weights-mismatch', what, { where });
  if (facts.model !== spec.model.name) throw mismatch(`the weights are for ${facts.model}, but the experiment trains ${spec.model.name}`);
  if (facts.inputSize !== spec.input.size)
    throw mismatch(`the weights have an input size of ${facts.inputSize} px, but the experiment has ${spec.input.size} px`);
  if (facts.normalize !== spec.input.normalize)
    throw mismatch(`the weights were trained with normalize: ${facts.normalize}, but the experiment has ${spec.input.normalize}`);
  const scale = trainingScale(spec.input);
  if (facts.imageSize !== scale)
    throw mismatch(`the weights were trained with images at ${facts.imageSize} px, but the experiment has them at ${scale} px`);
  if (facts.classes.join('\n') !== loadClasses(spec.dataset.classes).join('\n'))
    throw mismatch('the classes of the weights differ from those of the experiment');
}
