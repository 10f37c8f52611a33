import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { decodeSafetensors, encodeSafetensors } from '../../engine/safetensors.ts';
import { type ImportOptions, importPublished } from './import-published.ts';
import {
  archive,
  dictionary,
  floats,
  global,
  int,
  legacy,
  pickle,
  reduce,
  tensor,
  text,
  tuple,
  uint32,
  type WrittenTensor,
} from './testing/torch-file.ts';

const SIX = { key: '0', count: 6, shape: [2, 3], strides: [3, 1] } as const;
const VALUES = floats(1, 2, 3, 4, 5, 6);
const one = (written: WrittenTensor): Buffer => dictionary([['w', tensor(written)]]);

function imported(file: Buffer, options: ImportOptions = {}) {
  const { bytes, ...counts } = importPublished(file, 'net.pth', options);
  const arrays = [...decodeSafetensors(bytes).arrays].map(([name, { shape, data }]) => [name, shape, [...data]]);
  return { ...counts, arrays };
}

describe('published weights', () => {
  it('keep their keys, shapes and values from both formats of torch.save', () => {
    const expected = [['w', [2, 3], [1, 2, 3, 4, 5, 6]]];
    expect(imported(archive(one(SIX), { 0: VALUES })).arrays).toEqual(expected);
    const older = legacy(dictionary([['w', tensor(SIX, true)]]), [{ key: '0', count: 6, bytes: VALUES }]);
    expect(imported(older).arrays).toEqual(expected);
  });

  it('are read row by row from transposed and shifted tensors', () => {
    const written = { key: '0', count: 6, offset: 1, shape: [2, 2], strides: [1, 3] };
    expect(imported(archive(one(written), { 0: VALUES })).arrays).toEqual([['w', [2, 2], [2, 5, 3, 6]]]);
  });

  it.each([
    ['HalfStorage', Buffer.from(Uint16Array.of(0x3c00, 0xc100).buffer)],
    ['BFloat16Storage', Buffer.from(Uint16Array.of(0x3f80, 0xc020).buffer)],
    ['DoubleStorage', Buffer.from(Float64Array.of(1, -2.5).buffer)],
  ])('of a %s become float32', (type, bytes) => {
    const written = { type, key: '0', count: 2, shape: [2], strides: [1] };
    expect(imported(archive(one(written), { 0: bytes })).arrays).toEqual([['w', [2], [1, -2.5]]]);
  });

  it('lose integers and plain values, which are named', () => {
    const counter = tensor({ type: 'LongStorage', key: '1', count: 1, shape: [], strides: [] });
    const state = dictionary([
      ['w', tensor(SIX)],
      ['bn.num_batches_tracked', counter],
      ['epoch', int(3)],
    ]);
    const { dropped, arrays } = imported(archive(state, { 0: VALUES, 1: Buffer.alloc(8) }));
    expect(dropped).toEqual(['bn.num_batches_tracked', 'epoch']);
    expect(arrays.map(([name]) => name)).toEqual(['w']);
  });

  it('are found in the only dictionary of tensors, without the prefix of DataParallel unless it is kept', () => {
    const file = archive(
      dictionary([
        ['state_dict', dictionary([['module.w', tensor(SIX)]])],
        ['epoch', int(3)],
      ]),
      { 0: VALUES },
    );
    expect(imported(file).arrays.map(([name]) => name)).toEqual(['w']);
    expect(imported(file, { keepPrefix: true }).arrays.map(([name]) => name)).toEqual(['module.w']);
  });

  it('of several dictionaries are taken from the part that is asked for', () => {
    const second = { ...SIX, shape: [6], strides: [1] };
    const file = archive(
      dictionary([
        ['model', one(SIX)],
        ['model_ema', one(second)],
      ]),
      { 0: VALUES },
    );
    expect(() => imported(file)).toThrow(
      expect.objectContaining({ code: 'usage-invalid', fix: 'Give --part with one of model, model_ema.' }),
    );
    expect(() => imported(file, { part: 'ema' })).toThrow('no dictionary of tensors ema');
    expect(imported(file, { part: 'model_ema' }).arrays[0]?.[1]).toEqual([6]);
  });

  it('of a safetensors file are checked and copied without counters', () => {
    const array = (value: number) => ({ shape: [1], data: Float32Array.of(value) });
    const state = new Map([
      ['w', array(2)],
      ['bn.num_batches_tracked', array(7)],
    ]);
    expect(imported(encodeSafetensors(state))).toMatchObject({ arrays: [['w', [1], [2]]], dropped: ['bn.num_batches_tracked'] });
    expect(() => imported(encodeSafetensors(new Map([['w', array(Number.NaN)]])))).toThrow('w holds NaN at index 0');
  });
});

const whole = archive(one(SIX), { 0: VALUES });
const wholeLegacy = legacy(dictionary([['w', tensor(SIX, true)]]), [{ key: '0', count: 6, bytes: VALUES }]);
/** [what the file has, the file, what the message says] */
const HOSTILE: readonly (readonly [string, Buffer, string])[] = [
  ['a command', archive(reduce(global('os', 'system'), text('true')), {}), 'os.system'],
  ['eval', archive(reduce(global('builtins', 'eval'), text('1')), {}), 'builtins.eval'],
  ['a name from the stack', archive(Buffer.concat([text('posix'), text('system'), Buffer.from([0x93])]), {}), 'posix.system'],
  ['a command before the older format', Buffer.concat([pickle(reduce(global('os', 'system'), text('true'))), wholeLegacy]), 'os.system'],
  ['an instruction that tensors do not need', archive(Buffer.from('i'), {}), 'instruction 0x69'],
  ['a call of a storage type', archive(reduce(global('torch', 'FloatStorage')), {}), 'not a function'],
  ['a huge shape', archive(one({ ...SIX, shape: [2 ** 30, 2 ** 30] }), { 0: VALUES }), 'reaches beyond the 6 values'],
  ['one value as many', archive(one({ ...SIX, shape: [1_000_000, 1000], strides: [0, 0] }), { 0: VALUES }), 'reaches beyond'],
  ['an offset outside the storage', archive(one({ ...SIX, offset: 1 }), { 0: VALUES }), 'reaches beyond'],
  ['strides outside the storage', archive(one({ ...SIX, strides: [4, 1] }), { 0: VALUES }), 'reaches beyond'],
  ['negative strides', archive(one({ ...SIX, strides: [3, 2 ** 32 - 1] }), { 0: VALUES }), 'unusable'],
  ['a storage that claims more than it has', archive(one({ ...SIX, count: 2 ** 30 }), { 0: VALUES }), '24 bytes for 1073741824 values'],
  ['no storage', archive(one(SIX), {}), '0 bytes for 6 values'],
  [
    'two descriptions of a storage',
    archive(
      dictionary([
        ['a', tensor(SIX)],
        ['b', tensor({ ...SIX, count: 5, shape: [5], strides: [1] })],
      ]),
      { 0: VALUES },
    ),
    'in two ways',
  ],
  [
    'many tensors on one storage',
    archive(
      dictionary(
        Array.from({ length: 500 }, (_, index) => [`w${index}`, tensor({ key: '0', count: 200_000, shape: [200_000], strides: [1] })]),
      ),
      {
        0: Buffer.alloc(800_000),
      },
    ),
    'more values than the file has bytes',
  ],
  ['compressed entries', archive(one(SIX), { 0: Buffer.alloc(100_000) }, 9), 'is compressed'],
  ['no pickle', Buffer.from(zipSync({ 'net/code.py': Buffer.alloc(3) }, { level: 0 })), 'no data.pkl'],
  ['a text longer than the file', archive(Buffer.concat([Buffer.from([0x58]), uint32(9000)]), {}), 'ends in the middle'],
  ['a huge text', archive(Buffer.concat([Buffer.from([0x58]), uint32(2 ** 32 - 1)]), {}), 'text of 4294967295 bytes'],
  ['an empty stack', archive(Buffer.from([0x52]), {}), 'empty stack'],
  ['an unknown reference', archive(Buffer.from([0x68, 9]), {}), 'unknown value'],
  ['a dictionary that holds itself', archive(Buffer.from([0x7d, 0x71, 0, 0x4b, 1, 0x68, 0, 0x73]), {}), 'no dictionary of tensors'],
  ['no tensors', archive(tuple(text('a')), {}), 'no dictionary of tensors'],
  ['a truncated archive', whole.subarray(0, -30), 'damaged or incomplete'],
  ['a truncated storage', wholeLegacy.subarray(0, -1), 'ends in the middle of storage 0'],
  ['a truncated pickle', wholeLegacy.subarray(0, 60), 'ends in the middle of a pickle'],
  ['bytes after the end', Buffer.concat([wholeLegacy, Buffer.alloc(1)]), '1 bytes follow'],
  ['a value that is not finite', archive(one(SIX), { 0: floats(1, 2, Number.NaN, 4, 5, 6) }), 'w holds NaN at index 2'],
  ['text', Buffer.from('<html>not found</html>'), 'neither a file of torch.save'],
  ['nothing', Buffer.alloc(0), 'neither a file of torch.save'],
];

describe('a published file', () => {
  it.each(HOSTILE)('with %s is refused', (_, file, says) => {
    expect(() => imported(file)).toThrow(
      expect.objectContaining({ code: 'weights-invalid', where: 'net.pth', message: expect.stringContaining(says) }),
    );
  });

  it('is refused at every byte where it may be cut off', () => {
    for (const file of [whole, wholeLegacy]) {
      for (let length = 0; length < file.length; length++) {
        expect(() => imported(file.subarray(0, length))).toThrow(expect.objectContaining({ code: 'weights-invalid' }));
      }
    }
  });
});
