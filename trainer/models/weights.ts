import type { NamedArrays } from '../engine/named-arrays.ts';
import { mismatch, type NamedVariable, readVariables, writeVariables } from '../engine/variables.ts';
import type { Model } from './model.ts';

const PREFIX = 'model/';

/** A model's variables with the names under which they are saved, `model/<variable>`. */
export function savedVariables(model: Model): NamedVariable[] {
  return model.variables.map(({ name, variable }) => ({ name: `${PREFIX}${name}`, variable }));
}

/** A model's weights and moving averages. */
export function readWeights(model: Model): NamedArrays {
  return readVariables(savedVariables(model));
}

/**
 * Writes weights into a model. Throws CarpalError `weights-mismatch`, with the model unchanged, if they belong to another network: an array
 * is missing, unexpected, or of another shape. Arrays that are not weights (an optimizer's) are ignored.
 */
export function writeWeights(model: Model, arrays: NamedArrays, where?: string): void {
  const variables = savedVariables(model);
  const known = new Set(variables.map(({ name }) => name));
  for (const name of arrays.keys()) {
    if (name.startsWith(PREFIX) && !known.has(name)) throw mismatch(`${model.name} has no array ${name}`, where);
  }
  writeVariables(variables, arrays, where);
}
