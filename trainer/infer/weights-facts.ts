import { CarpalError } from '@carpal/configs/errors.ts';
import { parseJson } from '@carpal/configs/json.ts';
import { optionsSinceEarlier } from '@carpal/configs/schema/earlier-options.ts';
import { inputSchema, modelSchema } from '@carpal/configs/schema/learning.ts';
import type { Normalize } from '@carpal/report/dataset/grey-range.ts';
import { z } from 'zod';
import type { NetworkOptions } from '../models/model.ts';

/** The metadata of a weights file. */
export type WeightsFacts = {
  readonly model: string;
  readonly options: NetworkOptions;
  readonly classes: readonly string[];
  readonly inputSize: number;
  /** Side of the square that the whole image was fitted to in training. */
  readonly imageSize: number;
  readonly normalize: Normalize;
  /** `namespace/name` of the experiment that trained the weights, or ''. */
  readonly experiment: string;
};

const LARGEST_INPUT = 4096;
const MOST_CLASSES = 256;
const LONGEST_CLASS = 200;
const isClass = (name: unknown): boolean => typeof name === 'string' && name.length <= LONGEST_CLASS;
/** The manifest sets deep supervision under `training`, but the network takes it as an option. */
const optionsSchema = modelSchema.shape.options.unwrap().extend({ deepSupervision: z.boolean().optional() }).prefault({});

/** Reads the metadata of a weights file. Throws weights-invalid for values that are missing or beyond the limits of a manifest. */
export function readFacts(metadata: Readonly<Record<string, string>>, where: string): WeightsFacts {
  const { model, options = '{}', classes = '[]', inputSize, experiment = '' } = metadata;
  // Weights that were written before crops existed were trained with whole images.
  const imageSize = Number(metadata['imageSize'] ?? inputSize);
  // Weights that were written before this choice existed were trained with its default.
  const normalize = inputSchema.shape.normalize.safeParse(metadata['normalize']);
  const size = Number(inputSize);
  const names = parseJson(classes);
  // The limits of a manifest apply, so that a hostile file cannot request a network that fills the memory.
  const given = optionsSchema.safeParse(parseJson(options) ?? null);
  const invalid = (what: string): CarpalError => {
    const fix = 'Give the best.safetensors file of a fold that carpal trained.';
    return new CarpalError('weights-invalid', `the metadata of the weights file has no valid ${what}`, { where, fix });
  };
  if (model === undefined) throw invalid('model name');
  if (!given.success) throw invalid('model options');
  if (!Array.isArray(names) || names.length === 0 || names.length > MOST_CLASSES || !names.every(isClass)) throw invalid('classes');
  if (!Number.isInteger(size) || size < 1 || size > LARGEST_INPUT) throw invalid('input size');
  if (!Number.isInteger(imageSize) || imageSize < size || imageSize > LARGEST_INPUT) throw invalid('image size');
  if (!normalize.success) throw invalid('normalization');
  return {
    model,
    options: optionsSinceEarlier(model, given.data),
    classes: names,
    inputSize: size,
    imageSize,
    normalize: normalize.data,
    experiment,
  };
}
