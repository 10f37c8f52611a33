import type { NamedArrays } from '../engine/named-arrays.ts';
import { mismatch, type NamedVariable, readVariables, writeVariables } from '../engine/variables.ts';
import type { Model } from './model.ts';

const PREFIX = 'model/';

/** A model's variables under the names in which they are saved, `model/<variable>`. */
export function savedVariables(model: Model): NamedVariable[] {
  return model.variables.map(({ name, variable }) => ({ name: `${PREFIX}${name}`, variable }));
}

/** A model's weights and moving averages. */
export function readWeights(model: Model): NamedArrays {
  return readVariables(savedVariables(model));
}

/**
 * Puts weights into a model. CarpalError `weights-mismatch`, with the model unchanged, when they are another network's: an array is missing,
 * left over, or of another shape. Arrays that are no weights (an optimizer's) are ignored.
 */
export function writeWeights(model: Model, arrays: NamedArrays, where?: string): void {
  const variables = savedVariables(model);
  const known = new Set(variables.map(({ name }) => name));
  for (const name of arrays.keys()) {
    if (name.startsWith(PREFIX) && !known.has(name)) throw mismatch(`${model.name} has no place for ${name}`, where);
  }
  writeVariables(variables, arrays, where);
}
