import { afterEach, describe, expect, it } from 'vitest';
import type { NamedArray, NamedArrays } from '../../engine/named-arrays.ts';
import { conv2d } from '../../engine/ops/conv2d.ts';
import { encodeSafetensors } from '../../engine/safetensors.ts';
import { type Tensor, type Tensor4D, tf } from '../../engine/tensorflow.ts';
import { relativeDifference, spreadValues } from '../../engine/testing/check-gradients.ts';
import type { Model } from '../model.ts';
import { buildModel } from '../registry.ts';
import { readWeights } from '../weights.ts';
import { IMAGENET, loadEncoder } from './load-encoder.ts';

const WIDTH = 2;
const array = (shape: number[], seed: number, lift = 0): NamedArray => ({
  shape,
  data: Float32Array.from(spreadValues(shape, seed).dataSync(), (value) => value + lift),
});

/** The keys and shapes of a small version of torchvision's resnet50, written from its definition, independently of ours. */
function published(): NamedArrays {
  const state: NamedArrays = new Map();
  let seed = 0;
  const convolution = (key: string, to: number, from: number, side: number) =>
    state.set(`${key}.weight`, array([to, from, side, side], seed++));
  const norm = (key: string, channels: number) => {
    for (const part of ['weight', 'bias', 'running_mean']) state.set(`${key}.${part}`, array([channels], seed++));
    state.set(`${key}.running_var`, array([channels], seed++, 2));
    state.set(`${key}.num_batches_tracked`, { shape: [], data: Float32Array.of(7) });
  };
  convolution('conv1', WIDTH, 3, 7);
  norm('bn1', WIDTH);
  let from = WIDTH;
  for (const [index, count] of [3, 4, 6, 3].entries()) {
    const middle = WIDTH * 2 ** index;
    for (let block = 0; block < count; block++) {
      const key = `layer${index + 1}.${block}`;
      convolution(`${key}.conv1`, middle, from, 1);
      norm(`${key}.bn1`, middle);
      convolution(`${key}.conv2`, middle, middle, 3);
      norm(`${key}.bn2`, middle);
      convolution(`${key}.conv3`, 4 * middle, middle, 1);
      norm(`${key}.bn3`, 4 * middle);
      if (block === 0) {
        convolution(`${key}.downsample.0`, 4 * middle, from, 1);
        norm(`${key}.downsample.1`, 4 * middle);
      }
      from = 4 * middle;
    }
  }
  state.set('fc.weight', array([10, from], seed++)).set('fc.bias', array([10], seed));
  return state;
}

const built: Model[] = [];
const fresh = (name = 'FCNResNet50') => {
  const model = buildModel({ name, options: { width: WIDTH }, classes: 3, seed: 1 });
  built.push(model);
  return model;
};
const loaded = (state: NamedArrays) => {
  const model = fresh();
  loadEncoder(model, encodeSafetensors(state), 'resnet50.safetensors');
  return readWeights(model);
};
afterEach(() => {
  for (const model of built.splice(0)) model.dispose();
});

describe('pretrained weights', () => {
  it('fill the encoder and leave the head unchanged', () => {
    const state = published();
    const weights = loaded(state);
    const theirs = state.get('layer3.4.conv2.weight') as NamedArray;
    const ours = weights.get('model/encoder/stage3/5/middle/kernel') as NamedArray;
    const at = ([a, b, y, x]: [number, number, number, number]) => theirs.data[((a * 8 + b) * 3 + y) * 3 + x];
    expect(ours.data[((2 * 3 + 1) * 8 + 6) * 8 + 5]).toBe(at([5, 6, 2, 1]));
    expect(weights.get('model/encoder/stage2/1/shortcut/movingVariance')?.data).toEqual(
      state.get('layer2.0.downsample.1.running_var')?.data,
    );
    expect(weights.get('model/head/kernel')).toEqual(readWeights(fresh()).get('model/head/kernel'));
  });

  it('have the same results for grey images as for normalised colour images, away from the border', () => {
    const state = published();
    const weights = loaded(state);
    tf.tidy(() => {
      const tensor = (given: NamedArray | undefined): Tensor => tf.tensor(given?.data as Float32Array, [...(given?.shape ?? [])]);
      const normalised = (x: Tensor, mean: Tensor, variance: Tensor) => tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, 1e-5)));
      const grey = tf.abs(spreadValues([1, 16, 16, 1], 3)) as Tensor4D;
      const colour = tf.div(
        tf.sub(tf.concat([grey, grey, grey], 3), tf.tensor1d([...IMAGENET.mean])),
        tf.tensor1d([...IMAGENET.deviation]),
      );
      const kernel = tf.transpose(tensor(state.get('conv1.weight')), [2, 3, 1, 0]);
      const variance = tensor(state.get('bn1.running_var'));
      const expected = normalised(
        conv2d(colour as Tensor4D, kernel, { padding: 'valid' }),
        tensor(state.get('bn1.running_mean')),
        variance,
      );
      const folded = tf.sum(tensor(weights.get('model/encoder/stem/kernel')), 2, true);
      const mean = tensor(weights.get('model/encoder/stem/movingMean'));
      const actual = normalised(conv2d(grey, folded, { padding: 'valid' }), mean, variance);
      expect(relativeDifference(actual.dataSync(), expected.dataSync())).toBeLessThan(1e-5);
    });
  });

  it("of torchvision's fcn_resnet50 also fill the convolution before the head; its classes do not matter", () => {
    const state: NamedArrays = new Map();
    for (const [key, array] of published()) if (!key.startsWith('fc.')) state.set(`backbone.${key}`, array);
    const features = state.get('backbone.conv1.weight')?.shape[0] ?? 0;
    state.set('classifier.0.weight', array([8 * features, 32 * features, 3, 3], 301));
    for (const [index, part] of ['weight', 'bias', 'running_mean', 'running_var'].entries()) {
      state.set(`classifier.1.${part}`, array([8 * features], 302 + index, 2));
    }
    state.set('classifier.4.weight', array([21, 8 * features, 1, 1], 306)).set('classifier.4.bias', array([21], 307));
    state.set('aux_classifier.0.weight', array([4 * features, 16 * features, 3, 3], 308));
    const weights = loaded(state);
    for (const [name, values] of loaded(published())) {
      if (name.startsWith('model/encoder/') || name.startsWith('model/head/')) expect(weights.get(name), name).toEqual(values);
    }
    expect(weights.get('model/reduce/movingVariance')?.data).toEqual(state.get('classifier.1.running_var')?.data);
    const theirs = state.get('classifier.0.weight')?.data ?? [];
    expect(weights.get('model/reduce/kernel')?.data[(5 * 64 + 40) * 16 + 7]).toBe(theirs[(7 * 64 + 40) * 9 + 5]);
    state.delete('classifier.1.bias');
    expect(() => loaded(state)).toThrow('(missing: classifier.1.bias)');
  });

  it('may contain a counter of another type, as published files do', () => {
    const bytes = encodeSafetensors(published());
    const text = bytes.toString('latin1').replace('"bn1.num_batches_tracked":{"dtype":"F32"', '"bn1.num_batches_tracked":{"dtype":"I32"');
    expect(() => loadEncoder(fresh(), Buffer.from(text, 'latin1'), 'a')).not.toThrow();
  });

  it.each<{ name: string; change: (state: NamedArrays) => void; code: string; says: string }>([
    {
      name: 'a missing key',
      change: (state) => state.delete('layer1.0.bn2.bias'),
      code: 'weights-mismatch',
      says: '(missing: layer1.0.bn2.bias)',
    },
    {
      name: 'an unexpected key',
      change: (state) => state.set('layer5.0.conv1.weight', array([1], 1)),
      code: 'weights-mismatch',
      says: '(unexpected: layer5.0.conv1.weight)',
    },
    {
      name: 'another shape',
      change: (state) => state.set('conv1.weight', array([4, 3, 7, 7], 1)),
      code: 'weights-mismatch',
      says: 'conv1.weight has shape [4, 3, 7, 7], expected [2, 3, 7, 7]',
    },
    {
      name: 'a value that is not a number',
      change: (state) => state.get('layer4.2.conv3.weight')?.data.fill(Number.NaN, 5, 6),
      code: 'weights-invalid',
      says: 'layer4.2.conv3.weight holds NaN at index 5',
    },
  ])('with $name are refused, and the model stays unchanged', ({ change, code, says }) => {
    const state = published();
    change(state);
    const model = fresh();
    const before = readWeights(model);
    expect(() => loadEncoder(model, encodeSafetensors(state), 'x.safetensors')).toThrow(
      expect.objectContaining({ code, where: 'x.safetensors', message: expect.stringContaining(says) }),
    );
    expect(readWeights(model)).toEqual(before);
  });

  it('are refused by a network without such an encoder', () => {
    expect(() => loadEncoder(fresh('NestedUNet'), encodeSafetensors(published()), 'x')).toThrow(/NestedUNet has no encoder/);
  });
});
