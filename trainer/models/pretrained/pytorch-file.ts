import { CarpalError, messageOf } from '@carpal/configs/errors.ts';
import { unzipSync } from 'fflate';
import { type Invalid, invalidFile } from './invalid-file.ts';
import { readPickle } from './pickle.ts';
import { isTuple, type PickledValue } from './pickle-machine.ts';
import { Storage, tensorWorld } from './stored-tensors.ts';

/** What a file of torch.save holds. The values of its tensors stay in their storages. */
type PyTorchFile = { readonly value: PickledValue; readonly valuesOf: (storage: Storage) => DataView };

/** The number that begins a file of the format before PyTorch 1.6, and the version of that format. */
const MAGIC = 0x19_50_a8_6a_20_f9_46_9c_fc_6cn;
const VERSION = 1001;
const MOST_ENTRIES = 50_000;

/**
 * Reads a file of torch.save, a ZIP archive or the format before PyTorch 1.6, without running any part of it. The file is not trusted:
 * only tensors, texts, numbers, lists and dictionaries are read, entries must be uncompressed and no larger than the file together, and
 * every storage must have the bytes that its description claims. Throws `weights-invalid`; `where` is the file.
 */
export function readPyTorchFile(file: Buffer, where: string): PyTorchFile {
  const invalid = invalidFile(where);
  if (file.length >= 4 && file.readUInt32LE() === 0x04_03_4b_50) return readArchive(file, where, invalid);
  if (file[0] === 0x80) return readLegacy(file, where, invalid);
  throw invalid('the file is neither a file of torch.save nor a safetensors file');
}

function readArchive(file: Buffer, where: string, invalid: Invalid): PyTorchFile {
  const entries = unpack(file, invalid);
  const name = Object.keys(entries).find((entry) => /^[^/]+\/data\.pkl$/.test(entry));
  if (name === undefined) throw invalid('the archive has no data.pkl; torch.jit and torch.package files are not read');
  const root = name.slice(0, -'data.pkl'.length);
  const order = entries[`${root}byteorder`];
  if (order !== undefined && Buffer.from(order).toString('latin1') !== 'little') throw invalid('the values are not little-endian');
  const { value } = readPickle(Buffer.from(entries[name] as Uint8Array), 0, tensorWorld(invalid), where);
  const valuesOf = (storage: Storage): DataView => {
    const path = `${root}data/${storage.key}`;
    const bytes = Object.hasOwn(entries, path) ? entries[path] : undefined;
    return viewOf(bytes ?? new Uint8Array(0), storage, invalid);
  };
  return { value, valuesOf };
}

/** The entries of an archive. torch.save compresses none, so all of them together are not larger than the file. */
function unpack(file: Buffer, invalid: Invalid): Readonly<Record<string, Uint8Array>> {
  const names = new Set<string>();
  let total = 0;
  try {
    return unzipSync(file, {
      filter: ({ name, size, originalSize, compression }) => {
        total += size;
        if (compression !== 0 || size !== originalSize) throw invalid(`the entry ${name} of the archive is compressed`);
        if (total > file.length) throw invalid('the entries of the archive are larger than the file');
        if (names.has(name)) throw invalid(`the archive has two entries ${name}`);
        if (names.size >= MOST_ENTRIES) throw invalid(`the archive has more than ${MOST_ENTRIES} entries`);
        names.add(name);
        return /^[^/]+\/(data\.pkl|byteorder|data\/[^/]+)$/.test(name);
      },
    });
  } catch (cause) {
    if (cause instanceof CarpalError) throw cause;
    throw invalid(`the archive is damaged or incomplete: ${messageOf(cause)}`);
  }
}

function viewOf(bytes: Uint8Array, { key, type, count }: Storage, invalid: Invalid): DataView {
  if (bytes.length !== count * type.width) {
    throw invalid(`storage ${key} has ${bytes.length} bytes for ${count} values of ${type.width} bytes`);
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Five pickles (a magic number, the version, facts of the machine, the value, the keys of the storages), then the storages. */
function readLegacy(file: Buffer, where: string, invalid: Invalid): PyTorchFile {
  const world = tensorWorld(invalid);
  const described = new Map<string, Storage>();
  const persistent = (id: PickledValue): PickledValue => {
    const storage = world.persistent(id);
    if (storage instanceof Storage) described.set(storage.key, storage);
    return storage;
  };
  let at = 0;
  const next = (): PickledValue => {
    const { value, end } = readPickle(file, at, { ...world, persistent }, where);
    at = end;
    return value;
  };
  const [magic, version, machine] = [next(), next(), next()];
  if (magic !== MAGIC || version !== VERSION) throw invalid('the file is not one of torch.save');
  if (!(machine instanceof Map) || machine.get('little_endian') !== true) throw invalid('the values are not little-endian');
  const value = next();
  const keys = next();
  if (!Array.isArray(keys) || isTuple(keys)) throw invalid('the list of storages is missing');
  const views = new Map<PickledValue, DataView>();
  for (const key of keys) {
    const storage = described.get(key as string);
    if (!storage || views.has(key)) throw invalid('the list of storages does not fit the tensors');
    const begin = at + 8;
    const end = begin + storage.count * storage.type.width;
    if (end > file.length) throw invalid(`the file ends in the middle of storage ${storage.key}`);
    if (file.readBigUInt64LE(at) !== BigInt(storage.count)) throw invalid(`storage ${storage.key} does not have ${storage.count} values`);
    views.set(key, viewOf(file.subarray(begin, end), storage, invalid));
    at = end;
  }
  if (at !== file.length) throw invalid(`${file.length - at} bytes follow the last storage`);
  return { value, valuesOf: (storage) => views.get(storage.key) ?? viewOf(new Uint8Array(0), storage, invalid) };
}
