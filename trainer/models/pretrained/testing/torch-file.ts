/** Writes files as torch.save does, for tests: pickles instruction by instruction, and the two formats around them. */
import { zipSync } from 'fflate';

const join = (...parts: (Buffer | number[])[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part)));

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export const text = (value: string): Buffer => join([0x58], uint32(Buffer.byteLength(value)), Buffer.from(value));
export const int = (value: number): Buffer => join([0x4a], uint32(value));
export const tuple = (...values: Buffer[]): Buffer => join([0x28], ...values, [0x74]);
export const global = (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`);
export const reduce = (called: Buffer, ...args: Buffer[]): Buffer => join(called, tuple(...args), [0x52]);
export const dictionary = (entries: readonly (readonly [string, Buffer])[]): Buffer =>
  join([0x7d, 0x28], ...entries.flatMap(([key, value]) => [text(key), value]), [0x75]);
export const pickle = (value: Buffer): Buffer => join([0x80, 2], value, [0x2e]);

export type WrittenTensor = {
  readonly type?: string;
  readonly key: string;
  readonly count: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
};

const REBUILD = global('torch._utils', '_rebuild_tensor_v2');
const NONE = Buffer.from([0x4e]);

/** A tensor as each format describes it: the older one adds None to the description of the storage. */
export function tensor(written: WrittenTensor, isLegacy = false): Buffer {
  const { type = 'FloatStorage', key, count, offset = 0, shape, strides } = written;
  const described = tuple(text('storage'), global('torch', type), text(key), text('cpu'), int(count), ...(isLegacy ? [NONE] : []));
  const ints = (values: readonly number[]): Buffer => tuple(...values.map(int));
  const hooks = reduce(global('collections', 'OrderedDict'));
  return reduce(REBUILD, join(described, [0x51]), int(offset), ints(shape), ints(strides), Buffer.from([0x89]), hooks);
}

export const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

/** An archive as PyTorch writes it since 1.6. */
export function archive(value: Buffer, storages: Readonly<Record<string, Buffer>>, level: 0 | 9 = 0): Buffer {
  const data = Object.fromEntries(Object.entries(storages).map(([key, bytes]) => [`net/data/${key}`, bytes]));
  const byteorder = Buffer.from('little');
  return Buffer.from(zipSync({ 'net/data.pkl': pickle(value), 'net/byteorder': byteorder, ...data }, { level }));
}

/** A file as PyTorch wrote it before 1.6. Storages are given with their number of values. */
export function legacy(
  value: Buffer,
  storages: readonly { readonly key: string; readonly count: number; readonly bytes: Buffer }[],
): Buffer {
  const magic = join([0x8a, 10], Buffer.from('6cfc9c46f9206aa85019', 'hex'));
  const version = Buffer.from([0x4d, 0xe9, 3]);
  const machine = join([0x7d, 0x28], text('little_endian'), [0x88], [0x75]);
  const keys = join([0x5d, 0x28], ...storages.map(({ key }) => text(key)), [0x65]);
  const values = storages.map(({ count, bytes }) => join(uint32(count), uint32(0), bytes));
  return join(...[magic, version, machine, value, keys].map(pickle), ...values);
}
