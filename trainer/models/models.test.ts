import { afterEach, describe, expect, it } from 'vitest';
import { conv2d } from '../engine/ops/conv2d.ts';
import { type Tensor4D, tf } from '../engine/tensorflow.ts';
import { relativeDifference, spreadValues } from '../engine/testing/check-gradients.ts';
import { convNormRelu } from './layers/conv-norm.ts';
import type { ModelVariable } from './layers/variables.ts';
import { variableMaker } from './layers/variables.ts';
import type { Model } from './model.ts';
import { buildModel, MODELS } from './registry.ts';
import { readWeights, writeWeights } from './weights.ts';

const built: Model[] = [];
function build(...given: Parameters<typeof buildModel>): Model {
  const model = buildModel(...given);
  built.push(model);
  return model;
}
const slim = (seed: number, width = 2) => build({ name: 'SlimUNet', options: { width, depth: 3 }, classes: 3, seed });

afterEach(() => {
  for (const model of built.splice(0)) model.dispose();
});

describe('the network', () => {
  it("UNet has the original's 23,382,941 parameters at 29 classes", () => {
    const model = build({ name: 'UNet', classes: 29, seed: 1 });
    expect(model.parameterCount).toBe(23_382_941);
    const shapes = new Map(model.variables.map(({ name, variable }) => [name, variable.shape]));
    expect(shapes.get('down1/1/kernel')).toEqual([3, 3, 3, 64]);
    expect(shapes.get('bottom/1/kernel')).toEqual([3, 3, 512, 1024]);
    expect(shapes.get('up4/grow/kernel')).toEqual([2, 2, 512, 512]);
    expect(shapes.get('head/kernel')).toEqual([1, 1, 64, 29]);
  });

  it.each([
    { name: 'NestedUNet', options: {}, count: 9_164_253 },
    { name: 'NestedUNet', options: { deepSupervision: true }, count: 9_167_124 },
    { name: 'UNet3Plus', options: { guidance: true, deepSupervision: true }, count: 27_572_435 },
    { name: 'UNet3Plus', options: { deepSupervision: true }, count: 27_570_385 },
    { name: 'UNet3Plus', options: { guidance: true }, count: 27_054_495 },
    { name: 'UNet3Plus', options: {}, count: 27_052_445 },
    { name: 'FCNResNet50', options: {}, count: 32_961_117 },
    { name: 'CustomUNet', options: {}, count: 19_086_557 },
    { name: 'CustomUNet', options: { variant: 'improved' as const }, count: 19_086_557 },
  ])('$name with $options has the $count parameters of its published form at 29 classes', ({ name, options, count }) => {
    expect(build({ name, options, classes: 29, seed: 1 }).parameterCount).toBe(count);
  });

  it.each([
    { name: 'NestedUNet', heads: 4 },
    { name: 'UNet3Plus', heads: 5 },
  ])('$name trains $heads heads with deep supervision and outputs one', ({ name, heads }) => {
    const model = build({ name, options: { width: 2, deepSupervision: true }, classes: 3, seed: 1 });
    tf.tidy(() => {
      const images: Tensor4D = tf.fill([1, 32, 32, 1], 0.3);
      expect(model.forward(images, true).map(({ shape }) => shape)).toEqual(Array(heads).fill([1, 32, 32, 3]));
      expect(model.forward(images, false)).toHaveLength(1);
    });
  });

  it.each([
    { options: { guidance: true, deepSupervision: true }, unused: 0 },
    { options: { deepSupervision: true }, unused: 2 * 1024 + 2 },
    { options: { guidance: true }, unused: 3 * (9 * 320 + 1) * 29 + (9 * 1024 + 1) * 29 },
    { options: {}, unused: 2 * 1024 + 2 + 3 * (9 * 320 + 1) * 29 + (9 * 1024 + 1) * 29 },
  ])('UNet3Plus with $options has the 27,572,435 parameters of the original without the $unused that the original never uses', (given) => {
    expect(build({ name: 'UNet3Plus', options: given.options, classes: 29, seed: 1 }).parameterCount).toBe(27_572_435 - given.unused);
  });

  it('NestedUNet outputs the mean of the probabilities of its four heads, also where all of them are certain', () => {
    const model = build({ name: 'NestedUNet', options: { width: 2, deepSupervision: true }, classes: 3, seed: 1 });
    const weights = readWeights(model);
    // Constant logits of each head for the three classes.
    const heads = { head: [2, -200, 200], side1: [-1, -200, 200], side2: [0.5, -200, 200], side3: [-3, -200, 200] };
    for (const [head, logits] of Object.entries(heads)) {
      weights.get(`model/${head}/kernel`)?.data.fill(0);
      weights.get(`model/${head}/bias`)?.data.set(logits);
    }
    writeWeights(model, weights);
    tf.tidy(() => {
      const [output] = model.forward(tf.fill([1, 16, 16, 1], 0.3), false);
      const [first, second, third] = tf.sigmoid(output as Tensor4D).dataSync();
      const mean = Object.values(heads).reduce((sum, [logit = 0]) => sum + 1 / (1 + Math.exp(-logit)), 0) / 4;
      expect(first).toBeCloseTo(mean, 6);
      expect([second, third]).toEqual([expect.closeTo(0, 6), 1]);
      expect(output?.dataSync().every(Number.isFinite)).toBe(true);
    });
  });

  it.each([
    { variant: 'published' as const, drops: true },
    { variant: 'B0' as const, drops: false },
  ])('SegFormer as $variant drops values in a step with a seed: $drops', ({ variant, drops }) => {
    const model = build({ name: 'SegFormer', options: { variant, divisor: 16 }, classes: 2, seed: 1 });
    expect(model.draws).toBe(drops);
    tf.tidy(() => {
      const images = tf.abs(spreadValues([1, 64, 64, 1], 1)) as Tensor4D;
      const logits = (...seed: number[]) => [
        ...(model.forward(images, true, seed.length === 2 ? tf.tensor1d(seed, 'int32') : undefined)[0]?.dataSync() ?? []),
      ];
      expect(logits(1, 2)).toEqual(logits(1, 2));
      if (drops) expect(logits(1, 3)).not.toEqual(logits(1, 2));
      else expect(logits(1, 2)).toEqual(logits());
    });
  });

  it.each(MODELS)('$name outputs one finite logit per pixel and class', ({ name }) => {
    const model = build({ name, classes: 5, seed: 1 });
    tf.tidy(() => {
      const size = 2 * model.sizeMultiple;
      const [logits, ...others] = model.forward(tf.fill([2, size, size, 1], 0.3), true);
      expect(others).toEqual([]);
      expect(logits?.shape).toEqual([2, size, size, 5]);
      expect(logits?.dataSync().every(Number.isFinite)).toBe(true);
    });
  });

  it('with a kernel of three input channels has the same result when the kernel is summed to one grey channel', () => {
    tf.tidy(() => {
      const variables: ModelVariable[] = [];
      const layer = convNormRelu(variableMaker(1, variables), 'first', { from: 3, to: 4, bias: true, onImages: true });
      const kernel = variables[0]?.variable as unknown as Tensor4D;
      const grey = spreadValues([2, 8, 8, 1], 1) as Tensor4D;
      const fed = tf.concat([grey, grey, grey], 3) as Tensor4D;
      expect(layer(grey, true).shape).toEqual([2, 8, 8, 4]);
      const folded = (weights: Tensor4D) => conv2d(grey, tf.sum(weights, 2, true));
      const whole = (weights: Tensor4D) => conv2d(fed, weights);
      expect(relativeDifference(folded(kernel).dataSync(), whole(kernel).dataSync())).toBeLessThan(1e-6);
      const [byFolded, byWhole] = [folded, whole].map((form) =>
        tf
          .grad((weights) => tf.sum(tf.square(form(weights as Tensor4D))))(kernel)
          .dataSync(),
      );
      expect(relativeDifference(byFolded as Float32Array, byWhole as Float32Array)).toBeLessThan(1e-5);
    });
  });

  it('has initial weights that depend only on the seed and the names', () => {
    const [one, same, other] = [slim(7), slim(7), slim(8)].map((model) => readWeights(model).get('model/down2/1/kernel')?.data);
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it('has initial weights with the variance of He initialisation', () => {
    const kernel = readWeights(slim(1, 16)).get('model/down3/2/kernel');
    expect(kernel?.shape).toEqual([3, 3, 64, 64]);
    const values = [...(kernel?.data ?? [])];
    const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    expect(variance * 9 * 64).toBeCloseTo(2, 1);
  });

  it('has the same weights after they are read and written back', () => {
    const [one, other] = [slim(1), slim(2)];
    writeWeights(other, readWeights(one));
    expect(readWeights(other)).toEqual(readWeights(one));
  });

  it.each([
    { name: 'of another width', weights: () => readWeights(slim(1, 3)), says: 'shape' },
    {
      name: 'of another depth',
      weights: () => readWeights(build({ name: 'SlimUNet', options: { width: 2, depth: 4 }, classes: 3, seed: 1 })),
      says: 'has no array model/down4',
    },
    { name: 'with one missing', weights: () => new Map([...readWeights(slim(1))].slice(1)), says: 'no array' },
  ])('refuses weights $name and stays unchanged', ({ weights, says }) => {
    const model = slim(5);
    const before = readWeights(model);
    expect(() => writeWeights(model, weights(), 'best.safetensors')).toThrow(
      expect.objectContaining({ code: 'weights-mismatch', where: 'best.safetensors', message: expect.stringContaining(says) }),
    );
    expect(readWeights(model)).toEqual(before);
  });

  it('with an unknown name causes an error that lists the networks', () => {
    expect(() => buildModel({ name: 'VNet', classes: 2, seed: 1 })).toThrow(
      expect.objectContaining({ code: 'model-unknown', message: expect.stringContaining('UNet, SlimUNet') }),
    );
  });

  it('refuses an option that it does not accept', () => {
    expect(() => buildModel({ name: 'UNet', options: { width: 4 }, classes: 2, seed: 1 })).toThrow(
      expect.objectContaining({ code: 'manifest-invalid' }),
    );
  });
});
