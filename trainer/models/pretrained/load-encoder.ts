import { CarpalError } from '@carpal/configs/errors.ts';
import type { NamedArray, NamedArrays } from '../../engine/named-arrays.ts';
import { checkFinite } from '../../engine/named-arrays.ts';
import { decodeSafetensors } from '../../engine/safetensors.ts';
import { writeVariables } from '../../engine/variables.ts';
import type { Model } from '../model.ts';
import { PRETRAINED, type PretrainedEncoder } from './encoders.ts';
import { foldNormalization } from './fold-normalization.ts';
import { fromPyTorch, pytorchKey } from './pytorch-arrays.ts';

/**
 * Puts published weights, a safetensors file under the publisher's keys, into the model's encoder; the rest of the model stays as it is. With any
 * CarpalError the whole model does: `weights-invalid` for a damaged file or a value that is no number, `weights-mismatch` for a network
 * without such an encoder and for a key that is missing, left over or of another shape. `where` is the file.
 */
export function loadEncoder(model: Model, bytes: Uint8Array, where: string): void {
  const encoder = PRETRAINED[model.name];
  if (!encoder) throw new CarpalError('weights-mismatch', `${model.name} has no encoder that takes pretrained weights`, { where });
  const { arrays } = decodeSafetensors(bytes, where, (name) => encoder.ignored.test(name));
  checkFinite(arrays, where);
  checkKeys(model, arrays, encoder, where);
  const ours = fromPyTorch(model.variables, arrays, encoder.moduleName, where);
  const { kernel, movingMean } = encoder.first;
  const folded = foldNormalization({ kernel: ours.get(kernel) as NamedArray, movingMean: ours.get(movingMean) as NamedArray });
  ours.set(kernel, folded.kernel).set(movingMean, folded.movingMean);
  writeVariables(
    model.variables.filter(({ name }) => ours.has(name)),
    ours,
    where,
  );
}

/** How many keys of a kind a message names. */
const NAMED = 5;

function checkKeys(model: Model, arrays: NamedArrays, { source, moduleName }: PretrainedEncoder, where: string): void {
  const wanted = new Set(model.variables.flatMap(({ name }) => pytorchKey(name, moduleName) ?? []));
  const missing = [...wanted].filter((key) => !arrays.has(key));
  const extra = [...arrays.keys()].filter((key) => !wanted.has(key));
  if (missing.length + extra.length === 0) return;
  const list = (what: string, keys: readonly string[]): string[] => {
    if (keys.length === 0) return [];
    const more = keys.length > NAMED ? ` and ${keys.length - NAMED} more` : '';
    return [`${what} ${keys.slice(0, NAMED).join(', ')}${more}`];
  };
  const what = [...list('lacks', missing), ...list('has no use for', extra)].join(', and ');
  const fix = `Give the weights of ${source} under their own keys, as safetensors.`;
  throw new CarpalError('weights-mismatch', `the encoder of ${model.name} ${what}`, { where, fix });
}
