import { CarpalError } from '@carpal/configs/errors.ts';
import { checkFinite, type NamedArray, type NamedArrays, valueCount } from '../../engine/named-arrays.ts';
import { decodeSafetensors, encodeSafetensors } from '../../engine/safetensors.ts';
import { invalidFile } from './invalid-file.ts';
import type { PickledValue } from './pickle-machine.ts';
import { readPyTorchFile } from './pytorch-file.ts';
import { StoredTensor } from './stored-tensors.ts';

export type ImportOptions = {
  /** The dictionary to take from a file with several, such as `model_ema`. */
  readonly part?: string;
  /** Whether to keep the `module.` with which DataParallel begins every key. */
  readonly keepPrefix?: boolean;
};

export type ImportedWeights = {
  /** A safetensors file of float32 arrays with the publisher's keys. The result is the same for the same input. */
  readonly bytes: Buffer;
  readonly arrays: number;
  readonly values: number;
  /** Keys of what is left out: integers, such as counters of batches, and everything that is not a tensor. */
  readonly dropped: readonly string[];
};

const MOST_ARRAYS = 50_000;
const LONGEST_KEY = 500;
/** Number of dictionaries that a message lists. */
const MOST_NAMED = 10;
const PREFIX = 'module.';

type Tensors = { readonly arrays: NamedArrays; readonly dropped: readonly string[] };

/**
 * Turns published weights, a file of torch.save or of safetensors, into a safetensors file that `model.pretrained.uri` accepts. Nothing in
 * the file is run. Values become float32. Throws `weights-invalid` for a file that is damaged, holds anything but tensors and plain values,
 * or has a value that is not finite, and `usage-invalid` if the file has several dictionaries of tensors or not the given one. `where` is
 * the file.
 */
export function importPublished(file: Buffer, where: string, { part, keepPrefix = false }: ImportOptions = {}): ImportedWeights {
  const { arrays, dropped } = isSafetensors(file) ? readSafetensors(file, where) : readTensors(file, part, where);
  if (arrays.size === 0) throw invalidFile(where)('the file has no tensors of numbers');
  checkFinite(arrays, where);
  const plain = keepPrefix ? arrays : withoutPrefix(arrays);
  const values = [...arrays.values()].reduce((sum, { data }) => sum + data.length, 0);
  return { bytes: encodeSafetensors(plain), arrays: arrays.size, values, dropped };
}

/** The header of a safetensors file begins after its length. */
const isSafetensors = (file: Buffer): boolean => file[8] === 0x7b;

function readSafetensors(file: Buffer, where: string): Tensors {
  const dropped: string[] = [];
  const { arrays } = decodeSafetensors(file, where, (name) => {
    const isCounter = name.endsWith('.num_batches_tracked');
    if (isCounter) dropped.push(name);
    return isCounter;
  });
  return { arrays, dropped };
}

function readTensors(file: Buffer, part: string | undefined, where: string): Tensors {
  const invalid = invalidFile(where);
  const { value, valuesOf } = readPyTorchFile(file, where);
  const state = chooseState(value, part, where);
  if (state.size > MOST_ARRAYS) throw invalid(`the file has ${state.size} arrays; at most ${MOST_ARRAYS} are allowed`);
  const arrays: NamedArrays = new Map();
  const dropped: string[] = [];
  // Tensors may share a storage. A value has at least two bytes, so only many shares exceed the number of bytes.
  let left = file.length;
  for (const [key, tensor] of state) {
    if (typeof key !== 'string' || key.length > LONGEST_KEY) throw invalid('a key is not a text, or is too long');
    const read = tensor instanceof StoredTensor ? tensor.storage.type.read : undefined;
    if (!(tensor instanceof StoredTensor) || !read) {
      dropped.push(key);
      continue;
    }
    left -= valueCount(tensor.shape);
    if (left < 0) throw invalid('the tensors have more values than the file has bytes');
    arrays.set(key, { shape: tensor.shape, data: valuesIn(tensor, valuesOf(tensor.storage), read) });
  }
  return { arrays, dropped };
}

type State = ReadonlyMap<PickledValue, PickledValue>;

const isState = (value: PickledValue | undefined): value is Map<PickledValue, PickledValue> =>
  value instanceof Map && [...value.values()].some((entry) => entry instanceof StoredTensor);

/** The dictionary of tensors: the file's own, or the one in it, such as `state_dict`. */
function chooseState(value: PickledValue, part: string | undefined, where: string): State {
  const parts = value instanceof Map ? [...value].flatMap(([key, entry]) => (typeof key === 'string' && isState(entry) ? [key] : [])) : [];
  if (part === undefined && isState(value)) return value;
  const name = part ?? (parts.length === 1 ? parts[0] : undefined);
  const state = value instanceof Map && name !== undefined ? value.get(name) : undefined;
  if (isState(state)) return state;
  if (parts.length === 0) throw invalidFile(where)('the file has no dictionary of tensors');
  const what = part === undefined ? 'the file has several dictionaries of tensors' : `the file has no dictionary of tensors ${part}`;
  throw new CarpalError('usage-invalid', what, { where, fix: `Give --part with one of ${parts.slice(0, MOST_NAMED).join(', ')}.` });
}

/** The values of a tensor, row by row. */
function valuesIn({ storage, offset, shape, strides }: StoredTensor, view: DataView, read: (view: DataView, at: number) => number) {
  const data = new Float32Array(valueCount(shape));
  const place = shape.map(() => 0);
  let from = offset;
  for (let to = 0; to < data.length; to++) {
    data[to] = read(view, from * storage.type.width);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis] as number;
      place[axis] = (place[axis] as number) + 1;
      if ((place[axis] as number) < (shape[axis] as number)) break;
      from -= (strides[axis] as number) * (shape[axis] as number);
      place[axis] = 0;
    }
  }
  return data;
}

/** The arrays without the prefix, if all have it. */
function withoutPrefix(arrays: NamedArrays): NamedArrays {
  if (![...arrays.keys()].every((key) => key.startsWith(PREFIX))) return arrays;
  return new Map<string, NamedArray>([...arrays].map(([key, array]) => [key.slice(PREFIX.length), array]));
}
