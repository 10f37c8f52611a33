import { afterEach, describe, expect, it } from 'vitest';
import type { NamedArray, NamedArrays } from '../../engine/named-arrays.ts';
import { conv2d } from '../../engine/ops/conv2d.ts';
import { encodeSafetensors } from '../../engine/safetensors.ts';
import { type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { relativeDifference, spreadValues } from '../../engine/testing/check-gradients.ts';
import type { Model } from '../model.ts';
import { buildModel } from '../registry.ts';
import { readWeights } from '../weights.ts';
import { IMAGENET, loadEncoder } from './load-encoder.ts';

const DIVISOR = 16;
const WIDTHS = [4, 8, 20, 32] as const;
const DEPTHS = [3, 3, 9, 3] as const;
/** The seed also moves the values, so that arrays of one value differ. */
const array = (shape: number[], seed: number): NamedArray => ({
  shape,
  data: Float32Array.from(spreadValues(shape, seed).dataSync(), (value) => value + seed / 1000),
});

type Entry = readonly [key: string, shape: number[]];

/** The keys and shapes of one block. timm computes the linear maps of the first two stages as convolutions of one pixel. */
function blockEntries(stage: number, channels: number, ofTimm: boolean): Entry[] {
  const linear = (key: string, to: number, from: number): Entry => [`${key}.weight`, ofTimm && stage < 2 ? [to, from, 1, 1] : [to, from]];
  const mixer: Entry[] =
    stage < 2
      ? [
          linear('token_mixer.pwconv1', 2 * channels, channels),
          ['token_mixer.act1.scale', [1]],
          ['token_mixer.act1.bias', [1]],
          ['token_mixer.dwconv.weight', [2 * channels, 1, 7, 7]],
          linear('token_mixer.pwconv2', channels, 2 * channels),
        ]
      : [
          linear('token_mixer.qkv', 3 * channels, channels),
          linear('token_mixer.proj', channels, channels),
          ['res_scale1.scale', [channels]],
          ['res_scale2.scale', [channels]],
        ];
  return [
    ['norm1.weight', [channels]],
    ...mixer,
    ['norm2.weight', [channels]],
    linear('mlp.fc1', 4 * channels, channels),
    ['mlp.act.scale', [1]],
    ['mlp.act.bias', [1]],
    linear('mlp.fc2', channels, 4 * channels),
  ];
}

/** The keys and shapes of the convolution that a stage begins with, and of its normalisation. */
function shrinkEntries(stage: number, from: number, to: number, ofTimm: boolean): Entry[] {
  const [side, normalised] = stage === 0 ? [7, to] : [3, from];
  const byTimm = stage === 0 ? 'stem' : `stages.${stage}.downsample`;
  const authors = stage === 0 ? 'post_norm' : 'pre_norm';
  const place = ofTimm ? byTimm : `downsample_layers.${stage}`;
  return [
    [`${place}.conv.weight`, [to, from, side, side]],
    [`${place}.conv.bias`, [to]],
    [`${place}.${ofTimm ? 'norm' : authors}.weight`, [normalised]],
  ];
}

/** The arrays of a small caformer_s18, written from the definitions of its authors and of timm, independently of ours. */
function published(by: 'timm' | 'authors'): NamedArrays {
  const ofTimm = by === 'timm';
  const entries = WIDTHS.flatMap((to, stage) => [
    ...shrinkEntries(stage, WIDTHS[stage - 1] ?? 3, to, ofTimm),
    ...Array.from({ length: DEPTHS[stage] ?? 0 }, (_, index) =>
      blockEntries(stage, to, ofTimm).map(([key, shape]): Entry => [`stages.${stage}.${ofTimm ? 'blocks.' : ''}${index}.${key}`, shape]),
    ).flat(),
  ]);
  const head = ofTimm ? ['head.norm', 'head.fc.fc1'] : ['norm', 'head.fc1'];
  const classifier = head.flatMap((key): Entry[] => [
    [`${key}.weight`, [3]],
    [`${key}.bias`, [3]],
  ]);
  return new Map([...entries, ...classifier].map(([key, shape], seed) => [key, array(shape, seed)]));
}

const built: Model[] = [];
function loaded(state: NamedArrays): NamedArrays {
  const model = buildModel({ name: 'RAPUNet', options: { width: 2, divisor: DIVISOR }, classes: 3, seed: 1 });
  built.push(model);
  loadEncoder(model, encodeSafetensors(state), 'caformer_s18.safetensors');
  return readWeights(model);
}
afterEach(() => {
  for (const model of built.splice(0)) model.dispose();
});

describe('the pretrained CAFormer of RAPUNet', () => {
  it("has the values of timm's file", () => {
    const state = published('timm');
    const weights = loaded(state);
    const ours = (name: string) => weights.get(`model/encoder/${name}`)?.data ?? [];
    const theirs = (key: string) => state.get(key)?.data ?? [];
    expect(ours('stage3/5/mix/scale')).toEqual(theirs('stages.2.blocks.4.res_scale1.scale'));
    expect(ours('stage4/3/mlp/scale')).toEqual(theirs('stages.3.blocks.2.res_scale2.scale'));
    expect(ours('stage2/norm/gamma')).toEqual(theirs('stages.1.downsample.norm.weight'));
    expect(ours('stage2/2/mix/activation/bias')).toEqual(theirs('stages.1.blocks.1.token_mixer.act1.bias'));
    expect(ours('stage1/1/mlp/activation/scale')).toEqual(theirs('stages.0.blocks.0.mlp.act.scale'));
    // [row, column, channel] of [7, 7, 16, 1] and of [16, 1, 7, 7].
    expect(ours('stage2/1/mix/depthwise/kernel')[(2 * 7 + 6) * 16 + 9]).toBe(
      theirs('stages.1.blocks.0.token_mixer.dwconv.weight')[9 * 49 + 20],
    );
    expect(ours('stage1/3/mix/widen/kernel')[3 * 8 + 5]).toBe(theirs('stages.0.blocks.2.token_mixer.pwconv1.weight')[5 * 4 + 3]);
    expect(ours('stage4/1/mix/qkv/kernel')[31 * 96 + 90]).toBe(theirs('stages.3.blocks.0.token_mixer.qkv.weight')[90 * 32 + 31]);
  });

  it("is the same from the authors' file as from timm's", () => {
    expect(loaded(published('authors'))).toEqual(loaded(published('timm')));
  });

  it('computes from grey images what it computed from normalised colour images, away from the border', () => {
    const state = published('timm');
    const weights = loaded(state);
    tf.tidy(() => {
      const tensor = (given: NamedArray | undefined) => tf.tensor(given?.data as Float32Array, [...(given?.shape ?? [])]);
      const grey = tf.abs(spreadValues([1, 19, 19, 1], 3)) as Tensor4D;
      const colour = tf.div(
        tf.sub(tf.concat([grey, grey, grey], 3), tf.tensor1d([...IMAGENET.mean])),
        tf.tensor1d([...IMAGENET.deviation]),
      ) as Tensor4D;
      const kernel = tf.transpose(tensor(state.get('stem.conv.weight')), [2, 3, 1, 0]);
      const geometry = { padding: 'valid', stride: 4 } as const;
      const expected = tf.add(conv2d(colour, kernel, geometry), tensor(state.get('stem.conv.bias')));
      const folded = tf.sum(tensor(weights.get('model/encoder/stage1/shrink/kernel')), 2, true);
      const actual = tf.add(conv2d(grey, folded, geometry), tensor(weights.get('model/encoder/stage1/shrink/bias')));
      expect(relativeDifference(actual.dataSync(), expected.dataSync())).toBeLessThan(1e-5);
    });
  });

  it.each([
    [
      'a missing factor',
      (state: NamedArrays) => state.delete('stages.2.blocks.8.res_scale2.scale'),
      '(missing: stages.2.blocks.8.res_scale2.scale)',
    ],
    [
      'another kernel',
      (state: NamedArrays) => state.set('stages.0.blocks.0.token_mixer.dwconv.weight', array([8, 1, 5, 5], 1)),
      'dwconv.weight has shape [8, 1, 5, 5], expected [8, 1, 7, 7]',
    ],
    [
      'an unknown key',
      (state: NamedArrays) => state.set('stages.0.blocks.3.norm1.weight', array([4], 1)),
      '(unexpected: stages.0.blocks.3.norm1.weight)',
    ],
  ])('refuses a file with %s', (_, change, says) => {
    const state = published('timm');
    change(state);
    expect(() => loaded(state)).toThrow(says);
  });
});
