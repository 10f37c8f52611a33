import { CarpalError } from '@carpal/configs/errors.ts';
import { checkFinite, type NamedArray, type NamedArrays } from '../../engine/named-arrays.ts';
import { decodeSafetensors } from '../../engine/safetensors.ts';
import { writeVariables } from '../../engine/variables.ts';
import type { Model } from '../model.ts';
import { PRETRAINED, type PretrainedEncoder } from './encoders.ts';
import { fromPyTorch, pytorchKey } from './pytorch-arrays.ts';

/**
 * Loads published weights, a safetensors file with the publisher's keys, into the model's encoder. The rest of the model stays unchanged.
 * If a CarpalError is thrown, the whole model stays unchanged: `weights-invalid` for a damaged file or a value that is not a number;
 * `weights-mismatch` for a network without such an encoder, and for a key that is missing, unexpected or of another shape. `where` is the
 * file.
 */
export function loadEncoder(model: Model, bytes: Uint8Array, where: string): void {
  const encoder = PRETRAINED[model.name];
  if (!encoder) throw new CarpalError('weights-mismatch', `${model.name} has no encoder that accepts pretrained weights`, { where });
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

/** Number of keys that a message lists per kind. */
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
  const what = [...list('missing:', missing), ...list('unexpected:', extra)].join('; ');
  const fix = `Give the weights of ${source} with their original keys, as safetensors.`;
  throw new CarpalError('weights-mismatch', `the keys of the weights do not fit the encoder of ${model.name} (${what})`, { where, fix });
}

/** The mean and standard deviation with which torchvision and timm normalise red, green and blue values in 0..1. */
export const IMAGENET = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] } as const;

type FirstLayer = { readonly kernel: NamedArray; readonly movingMean: NamedArray };

/**
 * Converts the kernel `[height, width, 3, to]` of a first convolution, and the moving mean of the normalisation after it, from normalised
 * colour images to grey images in 0..1: the division is folded into the kernel, the subtraction into the mean. Results are equal except
 * where the kernel reaches beyond the image: there it sees grey 0, the background of a radiograph, instead of the mean colour.
 */
export function foldNormalization({ kernel, movingMean }: FirstLayer): FirstLayer {
  const to = movingMean.data.length;
  const folded = new Float32Array(kernel.data.length);
  const mean = Float64Array.from(movingMean.data);
  for (let index = 0; index < folded.length; index++) {
    const channel = Math.floor(index / to) % 3;
    const value = (kernel.data[index] as number) / (IMAGENET.deviation[channel] as number);
    folded[index] = value;
    mean[index % to] = (mean[index % to] as number) + value * (IMAGENET.mean[channel] as number);
  }
  return { kernel: { shape: kernel.shape, data: folded }, movingMean: { shape: movingMean.shape, data: Float32Array.from(mean) } };
}
