import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { NamedArray, NamedArrays } from '../../engine/named-arrays.ts';
import { decodeSafetensors, encodeSafetensors } from '../../engine/safetensors.ts';
import { tf } from '../../engine/tensorflow.ts';
import { relativeDifference, spreadValues } from '../../engine/testing/check-gradients.ts';
import { defineModel } from '../define-model.ts';
import { variableMaker } from '../layers/variables.ts';
import { mixTransformer, segFormerShape } from '../mix-transformer.ts';
import type { Model } from '../model.ts';
import { drawnValues } from '../reference/drawn/drawn-weights.ts';
import { buildModel } from '../registry.ts';
import { readWeights } from '../weights.ts';
import { loadEncoder } from './load-encoder.ts';

const WIDTHS = [2, 4, 10, 16];
const REDUCTIONS = [8, 4, 2, 1];
const BLOCKS = 2;

/** Values that differ in every array. */
const array = (shape: number[], seed: number): NamedArray => ({
  shape,
  data: Float32Array.from(spreadValues(shape, seed).dataSync(), (value) => value + seed / 1000),
});

type Entry = readonly [key: string, shape: number[]];

const affine = (key: string, to: number, ...from: number[]): Entry[] => [
  [`${key}.weight`, [to, ...from]],
  [`${key}.bias`, [to]],
];

/** The keys of one block in the authors' files. */
function authorsBlock(key: string, channels: number, reduction: number): Entry[] {
  const reduced = [...affine(`${key}.attn.sr`, channels, channels, reduction, reduction), ...affine(`${key}.attn.norm`, channels)];
  return [
    ...affine(`${key}.norm1`, channels),
    ...affine(`${key}.attn.q`, channels, channels),
    ...affine(`${key}.attn.kv`, 2 * channels, channels),
    ...affine(`${key}.attn.proj`, channels, channels),
    ...(reduction > 1 ? reduced : []),
    ...affine(`${key}.norm2`, channels),
    ...affine(`${key}.mlp.fc1`, 4 * channels, channels),
    ...affine(`${key}.mlp.dwconv.dwconv`, 4 * channels, 1, 3, 3),
    ...affine(`${key}.mlp.fc2`, channels, 4 * channels),
  ];
}

/** The arrays of a small mit_b0, written from the definition of its authors, independently of ours. */
function authorsFile(widths: readonly number[] = WIDTHS): NamedArrays {
  const entries = widths.flatMap((channels, stage) => {
    const [from, side] = stage === 0 ? [3, 7] : [widths[stage - 1] ?? 0, 3];
    return [
      ...affine(`patch_embed${stage + 1}.proj`, channels, from, side, side),
      ...affine(`patch_embed${stage + 1}.norm`, channels),
      ...Array.from({ length: BLOCKS }, (_, block) => authorsBlock(`block${stage + 1}.${block}`, channels, REDUCTIONS[stage] ?? 1)).flat(),
      ...affine(`norm${stage + 1}`, channels),
    ];
  });
  return new Map([...entries, ...affine('head', 1000, widths[3] ?? 0)].map(([key, shape], seed) => [key, array(shape, seed)]));
}

/** Hugging Face's names of the authors' modules. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/^patch_embed(\d)\.norm/, 'patch_embeddings.$1.layer_norm'],
  [/^patch_embed(\d)\./, 'patch_embeddings.$1.'],
  [/^block(\d)\.(\d)\.norm(\d)/, 'block.$1.$2.layer_norm_$3'],
  [/^block(\d)\./, 'block.$1.'],
  [/^norm(\d)/, 'layer_norm.$1'],
  [/attn\.q\./, 'attention.self.query.'],
  [/attn\.sr\./, 'attention.self.sr.'],
  [/attn\.norm\./, 'attention.self.layer_norm.'],
  [/attn\.proj\./, 'attention.output.dense.'],
  [/mlp\.fc(\d)/, 'mlp.dense$1'],
];

/** The same weights as Hugging Face stores them: stages count from 0, and keys and values have a linear map each. */
function huggingFaceFile(prefix: string, widths = WIDTHS): NamedArrays {
  const state: NamedArrays = new Map();
  for (const [key, given] of authorsFile(widths)) {
    if (key.startsWith('head.')) continue;
    const renamed = RENAMED.reduce((name, [pattern, text]) => name.replace(pattern, text), key);
    const name = prefix + renamed.replace(/^(patch_embeddings|block|layer_norm)\.(\d)/, (_, part, number) => `${part}.${number - 1}`);
    if (!name.includes('attn.kv')) {
      state.set(name, given);
      continue;
    }
    const half = given.data.length / 2;
    for (const [index, part] of ['key', 'value'].entries()) {
      const shape = [(given.shape[0] ?? 0) / 2, ...given.shape.slice(1)];
      state.set(name.replace('attn.kv', `attention.self.${part}`), { shape, data: given.data.slice(index * half, (index + 1) * half) });
    }
  }
  return state;
}

/** The values of `drawn` in bench/pytorch/export_mit.py. */
function drawn(key: string, shape: readonly number[]): Float32Array {
  const values = drawnValues(
    key,
    shape.reduce((product, extent) => product * extent, 1),
  );
  if (shape.length > 1) {
    const scale = Math.fround(Math.sqrt(3 / shape.slice(1).reduce((product, extent) => product * extent, 1)));
    return values.map((value) => value * scale);
  }
  const centre = key.endsWith('.weight') ? 0.5 : 0;
  return values.map((value) => centre + Math.fround(value * Math.fround(0.2)));
}

const built: Model[] = [];
function fresh(options: object): Model {
  const model = buildModel({ name: 'SegFormer', options, classes: 3, seed: 1 });
  built.push(model);
  return model;
}
function loaded(state: NamedArrays, options: object = { variant: 'B0', divisor: 16 }): NamedArrays {
  const model = fresh(options);
  loadEncoder(model, encodeSafetensors(state), 'mit_b0.safetensors');
  return readWeights(model);
}
afterEach(() => {
  for (const model of built.splice(0)) model.dispose();
});

describe('the pretrained mix transformer of SegFormer', () => {
  it("has the values of the authors' file", () => {
    const state = authorsFile();
    const weights = loaded(state);
    const ours = (name: string) => weights.get(`model/encoder/${name}`)?.data ?? [];
    const theirs = (key: string) => state.get(key)?.data ?? [];
    expect(ours('stage1/patches/norm/beta')).toEqual(theirs('patch_embed1.norm.bias'));
    expect(ours('stage2/2/attention/norm1/gamma')).toEqual(theirs('block2.1.norm1.weight'));
    expect(ours('stage3/1/attention/norm/beta')).toEqual(theirs('block3.0.attn.norm.bias'));
    expect(ours('stage4/1/ffn/norm2/gamma')).toEqual(theirs('block4.0.norm2.weight'));
    expect(ours('stage4/norm/gamma')).toEqual(theirs('norm4.weight'));
    expect(ours('stage2/1/attention/merge/bias')).toEqual(theirs('block2.0.attn.proj.bias'));
    // [from, to] of a linear map from 4 to 8 channels, of which the first 4 are keys.
    expect(ours('stage2/1/attention/keyValue/kernel')[3 * 8 + 5]).toBe(theirs('block2.0.attn.kv.weight')[5 * 4 + 3]);
    // [row, column, from, to] of a kernel of 8×8 pixels.
    expect(ours('stage1/1/attention/shrink/kernel')[((7 * 8 + 2) * 2 + 1) * 2]).toBe(
      theirs('block1.0.attn.sr.weight')[(1 * 8 + 7) * 8 + 2],
    );
    // [row, column, channel] of [3, 3, 64, 1] and of [64, 1, 3, 3].
    expect(ours('stage4/2/ffn/depthwise/kernel')[(2 * 3 + 1) * 64 + 9]).toBe(theirs('block4.1.mlp.dwconv.dwconv.weight')[9 * 9 + 7]);
    expect(ours('stage4/2/ffn/narrow/kernel')[5 * 16 + 3]).toBe(theirs('block4.1.mlp.fc2.weight')[3 * 64 + 5]);
  });

  it('uses every array of the file except the head, once, and nothing else of the network changes', () => {
    const before = readWeights(fresh({ variant: 'B0', divisor: 16 }));
    const weights = loaded(authorsFile());
    const changed = [...weights].filter(([name, { data }]) => !data.every((value, at) => value === before.get(name)?.data[at]));
    expect(changed.length).toBe(authorsFile().size - 2);
    for (const [name] of changed) expect(name).toMatch(/^model\/encoder\//);
  });

  it.each([
    ["the authors' whole SegFormer", () => prefixed(authorsFile(), 'backbone.'), 'decode_head.linear_fuse.bn.weight'],
    ["Hugging Face's classifier or SegFormer", () => huggingFaceFile('segformer.encoder.'), 'decode_head.classifier.bias'],
    ["Hugging Face's encoder", () => huggingFaceFile('encoder.'), 'classifier.bias'],
  ])("is the same from %s as from the authors' file", (_, file, other) => {
    expect(loaded(file().set(other, array([3], 1)))).toEqual(loaded(authorsFile()));
  });

  it("computes the maps that Hugging Face's library computes with the same weights", () => {
    const state: NamedArrays = new Map(
      [...huggingFaceFile('encoder.', [4, 8, 20, 32])].map(([key, { shape }]) => [key, { shape, data: drawn(key, shape) }]),
    );
    const encoder = defineModel({ name: 'SegFormer', options: {}, classes: 1, sizeMultiple: 32 }, (variables) => {
      const encode = mixTransformer(variableMaker(1, variables), 'encoder', segFormerShape('B0', 8), 'true');
      return (images, training) => encode(images, training, undefined);
    });
    built.push(encoder);
    loadEncoder(encoder, encodeSafetensors(state), 'model.safetensors');
    const expected = decodeSafetensors(readFileSync(join(import.meta.dirname, 'fixtures/mit-maps.safetensors'))).arrays;
    tf.tidy(() => {
      const grey = drawnValues('images', 64 * 64).map((value) => Math.fround(value * 0.5) + 0.5);
      for (const [index, map] of encoder.forward(tf.tensor4d(grey, [1, 64, 64, 1]), false).entries()) {
        const theirs = expected.get(`stage${index + 1}`);
        expect(map.shape).toEqual(theirs?.shape);
        expect(relativeDifference(map.dataSync() as Float32Array, theirs?.data ?? [])).toBeLessThan(1e-5);
      }
    });
  });

  it.each<[string, (state: NamedArrays) => void, string]>([
    ['a missing map', (state) => state.delete('block3.1.attn.sr.bias'), '(missing: block3.1.attn.sr.bias)'],
    ['another width', (state) => state.set('norm1.weight', array([3], 1)), 'norm1.weight has shape [3], expected [2]'],
    ['an unknown key', (state) => state.set('block1.2.norm1.weight', array([2], 1)), '(unexpected: block1.2.norm1.weight)'],
  ])('refuses a file with %s', (_, change, says) => {
    const state = authorsFile();
    change(state);
    expect(() => loaded(state)).toThrow(says);
  });

  it("refuses a file of Hugging Face's without the values of an attention, and names the map", () => {
    const state = huggingFaceFile('encoder.');
    state.delete('encoder.block.0.1.attention.self.value.bias');
    expect(() => loaded(state)).toThrow(
      '(missing: encoder.block.0.1.attention.self.key+value.bias; unexpected: encoder.block.0.1.attention.self.key.bias)',
    );
  });

  it('is refused by another variant, and by the published network with its other layers, which stays unchanged', () => {
    expect(() => loaded(authorsFile(), { variant: 'B2', divisor: 32 })).toThrow('(missing: block1.2.norm1.weight');
    const model = fresh({ variant: 'published', divisor: 32 });
    const before = readWeights(model);
    expect(() => loadEncoder(model, encodeSafetensors(authorsFile()), 'mit_b0.safetensors')).toThrow(
      expect.objectContaining({
        code: 'weights-mismatch',
        message: expect.stringMatching(/the encoder of SegFormer \(missing: patch_embed1\.norm\.running_mean,.*unexpected: /),
      }),
    );
    expect(readWeights(model)).toEqual(before);
  });
});

function prefixed(state: NamedArrays, prefix: string): NamedArrays {
  return new Map<string, NamedArray>(
    [...state].filter(([key]) => !key.startsWith('head.')).map(([key, given]) => [`${prefix}${key}`, given]),
  );
}
