import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeSafetensors } from '../engine/safetensors.ts';
import { tf } from '../engine/tensorflow.ts';
import type { Model } from '../models/model.ts';
import { buildModel } from '../models/registry.ts';
import { readWeights } from '../models/weights.ts';
import { openNetwork } from './networks.ts';

const METADATA = {
  model: 'SlimUNet',
  options: '{"width":4,"depth":2}',
  classes: '["Radius","Ulna"]',
  inputSize: '32',
  imageSize: '64',
  normalize: 'unit',
};
let model: Model;
beforeAll(() => {
  model = buildModel({ name: 'SlimUNet', options: { width: 4, depth: 2 }, classes: 2, seed: 3 });
});
afterAll(() => model.dispose());

/** The weights as a file of float16 or bfloat16. */
function narrowFile(dtype: 'F16' | 'BF16'): Buffer {
  const header: Record<string, unknown> = { __metadata__: METADATA };
  const parts: Buffer[] = [];
  let end = 0;
  for (const [name, { shape, data }] of readWeights(model)) {
    const half = dtype === 'F16' ? new Float16Array(data) : Uint16Array.from(new Uint32Array(data.buffer), (bits) => bits >>> 16);
    header[name] = { dtype, shape, data_offsets: [end, end + half.byteLength] };
    parts.push(Buffer.from(half.buffer));
    end += half.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...parts]);
}

describe('the network of a weights file', () => {
  it.each([
    ['F16', 1e-2],
    ['BF16', 1e-1],
  ] as const)('opens from %s weights and gives nearly the logits of float32', (dtype, most) => {
    const [exact, narrow] = [encodeSafetensors(readWeights(model), METADATA), narrowFile(dtype)].map((bytes) => openNetwork(bytes, 'w'));
    const image = Float32Array.from({ length: 32 * 32 }, (_, index) => (index % 32) / 32);
    const [expected = new Float32Array(), logits = new Float32Array()] = [exact, narrow].map((one) => one?.predictor.run(image, 1, 32));
    const difference = Math.max(...logits.map((value, at) => Math.abs(value - (expected[at] as number))));
    expect(difference).toBeGreaterThan(0);
    expect(difference).toBeLessThan(most);
    for (const network of [exact, narrow]) network?.dispose();
  });

  it.each<[string, Record<string, string>, string]>([
    ['a network much larger than the file', { options: '{"width":256,"depth":7}' }, 'weights-mismatch'],
    ['a network of another kind, larger than the file', { model: 'SegFormer', options: '{"variant":"B5"}' }, 'weights-mismatch'],
    ['options beyond those of a manifest', { options: '{"width":1000000}' }, 'weights-invalid'],
    ['options that are not JSON', { options: '{' }, 'weights-invalid'],
    ['more classes than any data set has', { classes: JSON.stringify(Array(257).fill('Radius')) }, 'weights-invalid'],
    ['a class name of a megabyte', { classes: JSON.stringify(['x'.repeat(1_000_000), 'Ulna']) }, 'weights-invalid'],
    ['classes that are not texts', { classes: '[1,2]' }, 'weights-invalid'],
    ['a huge input size', { inputSize: '1e9' }, 'weights-invalid'],
    ['an input size of zero', { inputSize: '0' }, 'weights-invalid'],
    ['a fractional input size', { inputSize: '32.5' }, 'weights-invalid'],
    ['an input size that the network does not accept', { inputSize: '33' }, 'weights-invalid'],
    ['an image size below the input size', { imageSize: '16' }, 'weights-invalid'],
    ['a huge image size', { imageSize: '65536' }, 'weights-invalid'],
    ['an unknown normalization', { normalize: 'log' }, 'weights-invalid'],
  ])('is refused for %s in the metadata, and leaves no memory', (_, changes, code) => {
    const bytes = encodeSafetensors(readWeights(model), { ...METADATA, ...changes });
    const before = tf.memory().numBytes;
    expect(() => openNetwork(bytes, 'hostile.safetensors')).toThrow(
      expect.objectContaining({ code, where: 'hostile.safetensors', fix: expect.stringMatching(/\w/) }),
    );
    expect(tf.memory().numBytes).toBe(before);
  });
});
