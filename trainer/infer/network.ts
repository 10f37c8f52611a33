import { CarpalError } from '@carpal/configs/errors.ts';
import { parseJson } from '@carpal/configs/parse-json.ts';
import { modelSchema } from '@carpal/configs/schema/learning.ts';
import { z } from 'zod';
import { checkFinite } from '../engine/check-finite.ts';
import { openPredictor } from '../engine/open-engine.ts';
import { decodeSafetensors } from '../engine/safetensors.ts';
import type { ModelOptions } from '../models/model.ts';
import { buildModel } from '../models/registry.ts';
import { writeWeights } from '../models/weights.ts';
import type { Answering } from './image-logits.ts';

/** What a weights file says of itself. */
type WeightsFacts = {
  readonly model: string;
  readonly options: ModelOptions;
  readonly classes: readonly string[];
  readonly inputSize: number;
  /** `namespace/name` of the experiment that made them, or ''. */
  readonly experiment: string;
};

/** A trained network, ready to predict. It holds device memory until `dispose`. */
export type Network = Answering & { readonly facts: WeightsFacts; readonly where: string; dispose(): void };

/**
 * The network of a weights file, built from what the file says of itself. Throws weights-invalid for a damaged file, a value that is not
 * finite or a file without that description, weights-mismatch where its arrays are not those of the network it names.
 */
export function openNetwork(bytes: Uint8Array, where: string): Network {
  const { arrays, metadata } = decodeSafetensors(bytes, where);
  const facts = readFacts(metadata, where);
  const model = buildModel({ name: facts.model, options: facts.options, classes: facts.classes.length, seed: 0 });
  try {
    if (facts.inputSize % model.sizeMultiple !== 0) {
      throw new CarpalError('weights-invalid', `the input size ${facts.inputSize} is no multiple of ${model.sizeMultiple}`, { where });
    }
    checkFinite(arrays, where);
    writeWeights(model, arrays, where);
  } catch (error) {
    model.dispose();
    throw error;
  }
  const predictor = openPredictor(model, 'auto');
  const dispose = (): void => {
    predictor.dispose();
    model.dispose();
  };
  return { facts, where, predictor, inputSize: facts.inputSize, sizeMultiple: model.sizeMultiple, dispose };
}

const LARGEST_INPUT = 4096;
/** A manifest says deep supervision elsewhere; the network has it as an option. */
const optionsSchema = modelSchema.shape.options.unwrap().extend({ deepSupervision: z.boolean().optional() }).prefault({});

function readFacts(metadata: Readonly<Record<string, string>>, where: string): WeightsFacts {
  const { model, options = '{}', classes = '[]', inputSize, experiment = '' } = metadata;
  const size = Number(inputSize);
  const names = parseJson(classes);
  // The bounds of a manifest: a hostile file must not ask for a network that fills the memory.
  const given = optionsSchema.safeParse(parseJson(options));
  const invalid = (what: string): CarpalError => {
    const fix = 'Give a best.safetensors of a fold that carpal trained.';
    return new CarpalError('weights-invalid', `the file does not say ${what}`, { where, fix });
  };
  if (model === undefined) throw invalid('which network it is for');
  if (!given.success) throw invalid('the options of its network');
  if (!Array.isArray(names) || names.length === 0 || !names.every((name) => typeof name === 'string')) throw invalid('its classes');
  if (!Number.isInteger(size) || size < 1 || size > LARGEST_INPUT) throw invalid('its input size');
  return { model, options: given.data, classes: names, inputSize: size, experiment };
}

/** Throws weights-mismatch unless all networks answer for the same classes. The first one sets the measure; input sizes may differ. */
export function checkSameClasses(networks: readonly Network[]): void {
  const [first, ...others] = networks;
  for (const { facts, where } of others) {
    if (!first || facts.classes.join('\n') === first.facts.classes.join('\n')) continue;
    throw new CarpalError('weights-mismatch', `the weights have other classes than ${first.where}`, { where });
  }
}

/** Throws usage-invalid unless every network can be shown a window of this size, which `--window` has asked for. */
export function checkWindow(networks: readonly Network[], size: number): void {
  for (const { facts, where, sizeMultiple } of networks) {
    if (size % sizeMultiple === 0) continue;
    const what = `${facts.model} of ${where} needs a window that is a multiple of ${sizeMultiple}, not ${size}`;
    throw new CarpalError('usage-invalid', what, { where: '--window', fix: `Give a multiple of ${sizeMultiple}.` });
  }
}
