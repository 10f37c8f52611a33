import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NamedArrays } from './named-arrays.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';

/** Written by Python's safetensors 0.8 (numpy.save): a bias of three values, a kernel [1, 2, 3] of 0 to 5, a scalar, and metadata. */
const FROM_PYTHON =
  'EAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJtb2RlbCI6IlNsaW1VTmV0Iiwibm90ZSI6Is+AIn0sIm1vZGVsL2hlYWQvYmlhcyI6eyJkdHlwZSI6IkYzMiIs' +
  'InNoYXBlIjpbM10sImRhdGFfb2Zmc2V0cyI6WzAsMTJdfSwibW9kZWwvaGVhZC9rZXJuZWwiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzEsMiwzXSwiZGF0' +
  'YV9vZmZzZXRzIjpbMTIsMzZdfSwib3B0aW1pemVyL2JldGExUG93ZXIiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6W10sImRhdGFfb2Zmc2V0cyI6WzM2LDQw' +
  'XX19ICAgICAgIAAAwD8AABDAWdkAMwAAAAAAAIA/AAAAQAAAQEAAAIBAAACgQClcTz8=';

/** A file with any text as its header and this many bytes of data. */
function fileOf(header: string, dataBytes: number, claimed?: bigint): Buffer {
  const json = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

const EMPTY = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}';
/** A JSON object with this many members. */
const manyNames = (member: (name: string) => string, count: number): string =>
  `{${Array.from({ length: count }, (_, index) => member(`n${index}`)).join(',')}}`;

const entry = (fields: object) => JSON.stringify({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...fields } });

describe('safetensors', () => {
  it('reads a file that Python wrote', () => {
    const { arrays, metadata } = decodeSafetensors(Buffer.from(FROM_PYTHON, 'base64'));
    expect(metadata).toEqual({ model: 'SlimUNet', note: 'π' });
    expect(arrays.get('model/head/bias')).toEqual({ shape: [3], data: Float32Array.of(1.5, -2.25, 3e-8) });
    expect(arrays.get('model/head/kernel')).toEqual({ shape: [1, 2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) });
    expect(arrays.get('optimizer/beta1Power')).toEqual({ shape: [], data: Float32Array.of(0.81) });
  });

  it('reads back any arrays and metadata that it wrote, bit for bit', () => {
    const array = fc.array(fc.nat(3), { maxLength: 3 }).chain((shape) => {
      const length = shape.reduce((count, extent) => count * extent, 1);
      return fc.float32Array({ minLength: length, maxLength: length }).map((data) => ({ shape, data }));
    });
    const name = fc.string({ unit: 'grapheme-composite', maxLength: 6 });
    const arrays = fc.array(fc.tuple(name, array), { maxLength: 5 }).map((entries): NamedArrays => new Map(entries));
    const metadata = fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true, maxKeys: 3 });
    fc.assert(
      fc.property(arrays, metadata, (written, texts) => {
        const read = decodeSafetensors(encodeSafetensors(written, texts));
        expect(read.metadata).toEqual(texts);
        expect(new Set(read.arrays.keys())).toEqual(new Set(written.keys()));
        for (const [key, array] of written) expect(read.arrays.get(key)).toEqual(array);
      }),
      { numRuns: 40 },
    );
  });

  it('accepts any name, even one with a meaning in JavaScript', () => {
    const arrays: NamedArrays = new Map([['__proto__', { shape: [1], data: Float32Array.of(1) }]]);
    expect(decodeSafetensors(encodeSafetensors(arrays)).arrays).toEqual(arrays);
  });

  it('starts the data at a multiple of eight bytes and returns the same bytes for the same input', () => {
    const arrays: NamedArrays = new Map([['x', { shape: [1], data: Float32Array.of(1) }]]);
    const bytes = encodeSafetensors(arrays, { a: 'b' });
    expect((bytes.length - 4) % 8).toBe(0);
    expect(encodeSafetensors(arrays, { a: 'b' }).equals(bytes)).toBe(true);
  });

  it('reads values at any offset of a larger buffer', () => {
    const bytes = encodeSafetensors(new Map([['x', { shape: [2], data: Float32Array.of(1, 2) }]]));
    const shifted = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3);
    expect(decodeSafetensors(shifted).arrays.get('x')?.data).toEqual(Float32Array.of(1, 2));
  });

  it('reads float16 and bfloat16 as the same numbers in float32', () => {
    const bits = Uint16Array.of(0x3c00, 0xc100, 0x0001, 0x7bff, 0xfc00, 0x3f80, 0xc020, 0x0001, 0x7f7f, 0xff80);
    const header = { a: { dtype: 'F16', shape: [5], data_offsets: [0, 10] }, b: { dtype: 'BF16', shape: [5], data_offsets: [10, 20] } };
    const { arrays } = decodeSafetensors(Buffer.concat([fileOf(JSON.stringify(header), 0), Buffer.from(bits.buffer)]));
    expect([...(arrays.get('a')?.data ?? [])]).toEqual([1, -2.5, 2 ** -24, 65504, Number.NEGATIVE_INFINITY]);
    expect([...(arrays.get('b')?.data ?? [])]).toEqual([1, -2.5, 2 ** -133, (2 - 2 ** -7) * 2 ** 127, Number.NEGATIVE_INFINITY]);
  });

  it('reads every float16 and bfloat16 number exactly', () => {
    const bits = Uint16Array.from({ length: 2 ** 16 }, (_, index) => index);
    const header = (dtype: string) => JSON.stringify({ a: { dtype, shape: [2 ** 16], data_offsets: [0, 2 ** 17] } });
    const read = (dtype: string) =>
      decodeSafetensors(Buffer.concat([fileOf(header(dtype), 0), Buffer.from(bits.buffer)])).arrays.get('a')?.data ?? new Float32Array();
    const view = new DataView(bits.buffer);
    const float32 = new DataView(new ArrayBuffer(4));
    const [half, brain] = [read('F16'), read('BF16')];
    const differing = bits.filter((_, index) => {
      float32.setUint16(2, index, true);
      return !Object.is(half[index], view.getFloat16(2 * index, true)) || !Object.is(brain[index], float32.getFloat32(0, true));
    });
    expect(differing).toHaveLength(0);
  });

  it('throws only weights-invalid for any header, and never allocates more than twice the file', () => {
    const extent = fc.oneof(fc.nat(9), fc.constantFrom(-1, 0.5, 2 ** 31, 2 ** 53, 1e300, null, '2'));
    const dtype = fc.constantFrom('F32', 'F16', 'BF16', 'F64', 'I8', '__proto__', 7, null);
    const field = fc.record(
      { dtype, shape: fc.array(extent, { maxLength: 9 }), data_offsets: fc.array(extent, { maxLength: 3 }) },
      { requiredKeys: [] },
    );
    const header = fc.dictionary(fc.constantFrom('a', 'b', '__metadata__', '__proto__'), fc.oneof(field, fc.jsonValue()));
    fc.assert(
      fc.property(header, fc.nat(64), (entries, bytes) => {
        const file = fileOf(JSON.stringify(entries), bytes);
        try {
          const sizes = [...decodeSafetensors(file).arrays.values()].map(({ data }) => data.byteLength);
          expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(2 * bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'weights-invalid' });
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    { name: 'an empty file', bytes: Buffer.alloc(0) },
    { name: 'a file of seven bytes', bytes: Buffer.alloc(7) },
    { name: 'a header longer than the file', bytes: fileOf('{}', 0, 99n) },
    { name: 'a header of 2⁶³ bytes', bytes: fileOf('{}', 0, 1n << 63n) },
    { name: 'a header of 200 MB', bytes: fileOf('{}', 0, 200_000_000n) },
    { name: 'a header that is not JSON', bytes: fileOf('{"a":', 0) },
    { name: 'a header that is a list', bytes: fileOf('[]', 0) },
    { name: 'a header that begins with a space', bytes: fileOf(' {}', 0) },
    { name: 'a header that is not UTF-8', bytes: Buffer.concat([fileOf('', 0, 4n), Buffer.from([0x7b, 0xff, 0xfe, 0x7d])]) },
    { name: 'a repeated name', bytes: fileOf(`${entry({}).slice(0, -1)},${entry({}).slice(1)}`, 8) },
    { name: 'a repeated name in another spelling', bytes: fileOf(`${entry({}).slice(0, -1)},"\\u0061"${entry({}).slice(4)}`, 8) },
    { name: 'a repeated field', bytes: fileOf(entry({}).replace('"shape"', '"shape":[1],"shape"'), 8) },
    { name: 'an entry that is not an object', bytes: fileOf('{"a":3}', 0) },
    { name: 'another type', bytes: fileOf(entry({ dtype: 'I32' }), 8) },
    { name: 'a type with a meaning in JavaScript', bytes: fileOf(entry({ dtype: 'toString' }), 8) },
    { name: 'no type', bytes: fileOf(entry({ dtype: undefined }), 8) },
    { name: 'float16 with the bytes of float32', bytes: fileOf(entry({ dtype: 'F16' }), 8) },
    { name: 'bfloat16 with an odd number of bytes', bytes: fileOf(entry({ dtype: 'BF16', shape: [1], data_offsets: [0, 3] }), 3) },
    { name: 'an extent beyond the exact integers', bytes: fileOf(entry({ shape: [2 ** 60] }), 8) },
    { name: 'a shape of a million axes', bytes: fileOf(entry({ shape: Array(1_000_000).fill(1) }), 8) },
    {
      name: 'more arrays than any network has',
      bytes: fileOf(
        manyNames((name) => `"${name}":${EMPTY}`, 50_001),
        0,
      ),
    },
    { name: 'more metadata than any network has', bytes: fileOf(`{"__metadata__":${manyNames((name) => `"${name}":""`, 1001)}}`, 0) },
    { name: 'a header of nested lists', bytes: fileOf(`{"a":${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}}`, 0) },
    { name: 'a header of 20 MB', bytes: fileOf(`{"__metadata__":{"a":"${'x'.repeat(20_000_000)}"}}`, 0) },
    { name: 'a negative extent', bytes: fileOf(entry({ shape: [-2] }), 8) },
    { name: 'an extent that is not an integer', bytes: fileOf(entry({ shape: [0.5, 4] }), 8) },
    { name: 'a shape whose product overflows', bytes: fileOf(entry({ shape: [2 ** 40, 2 ** 40] }), 8) },
    { name: 'a shape of nine axes', bytes: fileOf(entry({ shape: [2, 1, 1, 1, 1, 1, 1, 1, 1] }), 8) },
    { name: 'offsets beyond the file', bytes: fileOf(entry({ data_offsets: [8, 16] }), 8) },
    { name: 'offsets in the wrong order', bytes: fileOf(entry({ data_offsets: [8, 0] }), 8) },
    { name: 'negative offsets', bytes: fileOf(entry({ data_offsets: [-8, 0] }), 8) },
    { name: 'three offsets', bytes: fileOf(entry({ data_offsets: [0, 4, 8] }), 8) },
    { name: 'fewer bytes than the shape needs', bytes: fileOf(entry({ shape: [3] }), 8) },
    { name: 'data that no array covers', bytes: fileOf(entry({}), 12) },
    { name: 'arrays that overlap', bytes: fileOf(`${entry({}).slice(0, -1)},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12) },
    {
      name: 'a gap between arrays',
      bytes: fileOf(`${entry({}).slice(0, -1)},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}`, 16),
    },
    { name: 'metadata that is not a record of strings', bytes: fileOf('{"__metadata__":{"a":1}}', 0) },
    { name: 'a truncated file', bytes: Buffer.from(FROM_PYTHON, 'base64').subarray(0, -1) },
  ])('refuses $name', ({ bytes }) => {
    expect(() => decodeSafetensors(bytes, 'weights.safetensors')).toThrow(
      expect.objectContaining({ code: 'weights-invalid', where: 'weights.safetensors' }),
    );
  });

  it('throws only weights-invalid, whichever bytes of a valid file are changed', () => {
    const good = Buffer.from(FROM_PYTHON, 'base64');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          decodeSafetensors(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'weights-invalid' });
        }
      }),
      { numRuns: 300 },
    );
  });
});
