import { CarpalError } from '@carpal/configs/errors.ts';
import { checkFinite, type NamedArray, type NamedArrays } from '../../engine/named-arrays.ts';
import { decodeSafetensors } from '../../engine/safetensors.ts';
import { writeVariables } from '../../engine/variables.ts';
import type { Model } from '../model.ts';
import { type FirstLayer, type Normalization, type PretrainedEncoder, type PublishedNames, pretrainedEncoder } from './encoders.ts';
import { withKeysAndValues } from './mit-names.ts';
import { fromPyTorch, type ModuleName, pytorchKey } from './pytorch-arrays.ts';

/**
 * Loads published weights, a safetensors file with the publisher's keys, into the model's encoder. The rest of the model stays unchanged.
 * If a CarpalError is thrown, the whole model stays unchanged: `weights-invalid` for a damaged file or a value that is not a number;
 * `weights-mismatch` for a network without such an encoder, and for a key that is missing, unexpected or of another shape. `where` is the
 * file.
 */
export function loadEncoder(model: Model, bytes: Uint8Array, where: string): void {
  const encoder = pretrainedEncoder(model);
  if (!encoder) throw new CarpalError('weights-mismatch', `${model.name} has no encoder that accepts pretrained weights`, { where });
  const file = decodeSafetensors(bytes, where, (name) => encoder.names.some(({ ignored }) => ignored.test(name)));
  const arrays = withKeysAndValues(file.arrays);
  checkFinite(arrays, where);
  const { moduleName } = namesOf(arrays, encoder);
  checkKeys(model, arrays, { source: encoder.source, moduleName }, where);
  const ours = fromPyTorch(model.variables, arrays, moduleName, where);
  foldNormalization(ours, encoder.first, encoder.normalization ?? IMAGENET);
  writeVariables(
    model.variables.filter(({ name }) => ours.has(name)),
    ours,
    where,
  );
}

/** The first names that fit the file; those of the list's first entry if none do. */
function namesOf(arrays: NamedArrays, { names, first }: PretrainedEncoder): PublishedNames {
  return names.find(({ moduleName }) => arrays.has(pytorchKey(first.kernel, moduleName) ?? '')) ?? names[0];
}

/** Number of keys that a message lists per kind. */
const NAMED = 5;

type Wanted = { readonly source: string; readonly moduleName: ModuleName };

function checkKeys(model: Model, arrays: NamedArrays, { source, moduleName }: Wanted, where: string): void {
  const wanted = new Set(model.variables.flatMap(({ name }) => pytorchKey(name, moduleName) ?? []));
  const missing = [...wanted].filter((key) => !arrays.has(key));
  const extra = [...arrays.keys()].filter((key) => !wanted.has(key));
  if (missing.length + extra.length === 0) return;
  const list = (what: string, keys: readonly string[]): string[] => {
    if (keys.length === 0) return [];
    const more = keys.length > NAMED ? ` and ${keys.length - NAMED} more` : '';
    return [`${what} ${keys.slice(0, NAMED).join(', ')}${more}`];
  };
  const what = [...list('missing:', missing), ...list('unexpected:', extra)].join('; ');
  const fix = `Give the weights of ${source} with their original keys, as safetensors.`;
  throw new CarpalError('weights-mismatch', `the keys of the weights do not fit the encoder of ${model.name} (${what})`, { where, fix });
}

/** The mean and standard deviation with which torchvision and timm normalise red, green and blue values in 0..1. */
export const IMAGENET: Normalization = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };

/**
 * Converts the kernel `[height, width, 3, to]` of a first convolution, and the array that takes its constant part, from normalised colour
 * images to grey images in 0..1: the division is folded into the kernel; the subtraction is added to the moving mean of the normalisation
 * that follows, or subtracted from the bias. Results are equal except where the kernel reaches beyond the image: there it sees grey 0, the
 * background of a radiograph, instead of the mean colour.
 */
function foldNormalization(arrays: NamedArrays, first: FirstLayer, { mean, deviation }: Normalization): void {
  const kernel = arrays.get(first.kernel) as NamedArray;
  const [constant, sign] = 'bias' in first ? [first.bias, -1] : [first.movingMean, 1];
  const { shape, data } = arrays.get(constant) as NamedArray;
  const to = data.length;
  const folded = new Float32Array(kernel.data.length);
  const sums = Float64Array.from(data);
  for (let index = 0; index < folded.length; index++) {
    const channel = Math.floor(index / to) % 3;
    const value = (kernel.data[index] as number) / (deviation[channel] as number);
    folded[index] = value;
    sums[index % to] = (sums[index % to] as number) + sign * value * (mean[channel] as number);
  }
  arrays.set(first.kernel, { shape: kernel.shape, data: folded }).set(constant, { shape, data: Float32Array.from(sums) });
}
