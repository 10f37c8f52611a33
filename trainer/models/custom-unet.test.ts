import { afterEach, describe, expect, it } from 'vitest';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { spreadValues } from '../engine/testing/check-gradients.ts';
import type { Model } from './model.ts';
import { buildModel } from './registry.ts';
import { readWeights, writeWeights } from './weights.ts';

const built: Model[] = [];
afterEach(() => {
  for (const model of built.splice(0)) model.dispose();
});

type Variant = 'published' | 'improved';
const WIDTH = 4;
function customUNet(variant: Variant): Model {
  const model = buildModel({ name: 'CustomUNet', options: { width: WIDTH, variant }, classes: WIDTH, seed: 1 });
  built.push(model);
  return model;
}

/** The weights with which logits show only what the first level's encoder computed, without the deeper levels: channel c becomes class c. */
function showFirstLevel(model: Model): void {
  const weights = readWeights(model);
  const set = (name: string, valueAt: (index: number) => number) => {
    weights.get(`model/${name}`)?.data.forEach((_, index, data) => {
      data[index] = valueAt(index);
    });
  };
  const sameChannel = (index: number) => (Math.floor(index / WIDTH) % WIDTH === index % WIDTH ? 1 : 0);
  const centre = (index: number) => (Math.floor(index / (WIDTH * WIDTH)) === 4 ? sameChannel(index) : 0);
  set('up1/grow/kernel', () => 0);
  set('up1/grow/bias', () => 0);
  set('up1/mix/kernel', centre);
  set('head/kernel', sameChannel);
  set('head/bias', () => 0);
  writeWeights(model, weights);
}

describe('CustomUNet', () => {
  it.each<[Variant, number]>([
    // Of the two variants, only the improved one drops the encoder's values as well as the decoder's.
    ['published', 0.3],
    ['improved', 1 - 0.7 ** 2],
  ])('as %s drops a share of %f of the values on the way from the first level to the output, and none without a seed', (variant, share) => {
    const model = customUNet(variant);
    showFirstLevel(model);
    tf.tidy(() => {
      const images = tf.abs(spreadValues([2, 64, 64, 1], 1)) as Tensor4D;
      const dropped = (seed?: [number, number]): number => {
        const [logits] = model.forward(images, false, seed && tf.tensor1d(seed, 'int32'));
        const values = logits?.dataSync() ?? [];
        return values.filter((value) => value === 0).length / values.length;
      };
      expect(dropped([3, 4])).toBeCloseTo(share, 1);
      expect(Math.abs(dropped([3, 4]) - share)).toBeLessThan(0.02);
      expect(dropped()).toBe(0);
    });
  });

  it('has the same weights in both variants, and is published by default', () => {
    const [published, improved] = [customUNet('published'), customUNet('improved')];
    expect(readWeights(improved)).toEqual(readWeights(published));
    const unnamed = buildModel({ name: 'CustomUNet', options: { width: WIDTH }, classes: 2, seed: 1 });
    built.push(unnamed);
    expect(unnamed.options).toEqual({ width: WIDTH, variant: 'published' });
  });

  it('refuses the variant of another network', () => {
    const build = () => buildModel({ name: 'CustomUNet', options: { variant: 'B2' }, classes: 2, seed: 1 });
    expect(build).toThrow('CustomUNet has no variant B2; choose one of published, improved');
  });
});
