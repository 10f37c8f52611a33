import { describe, expect, it } from 'vitest';
import { type Tensor4D, tf } from '../tensorflow.ts';
import { spreadValues } from '../testing/check-gradients.ts';
import { batchNorm } from './batch-norm.ts';

const variables = () => ({
  gamma: tf.tensor1d([1, 2]),
  beta: tf.tensor1d([0, -1]),
  movingMean: tf.variable(tf.tensor1d([0.5, -0.5]), false),
  movingVariance: tf.variable(tf.tensor1d([1, 4]), false),
});

describe('batch normalisation', () => {
  it('updates its averages like PyTorch, by a tenth of the batch and with the unbiased variance', () => {
    const norm = variables();
    const x = spreadValues([2, 3, 3, 2], 1) as Tensor4D;
    batchNorm(x, norm, true);
    const values = [...x.dataSync()];
    for (const [channel, firstMean, firstVariance] of [
      [0, 0.5, 1],
      [1, -0.5, 4],
    ] as const) {
      const ours = values.filter((_, index) => index % 2 === channel);
      const mean = ours.reduce((sum, value) => sum + value, 0) / ours.length;
      const variance = ours.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (ours.length - 1);
      expect(norm.movingMean.dataSync()[channel]).toBeCloseTo(0.9 * firstMean + 0.1 * mean, 6);
      expect(norm.movingVariance.dataSync()[channel]).toBeCloseTo(0.9 * firstVariance + 0.1 * variance, 6);
    }
  });

  it('normalises with the moving averages in inference and does not change them', () => {
    const norm = variables();
    const y = batchNorm(tf.tensor4d([1.5, 3.5], [1, 1, 1, 2]), norm, false).dataSync();
    expect(y[0]).toBeCloseTo((1.5 - 0.5) / Math.sqrt(1 + 1e-5), 6);
    expect(y[1]).toBeCloseTo((2 * (3.5 + 0.5)) / Math.sqrt(4 + 1e-5) - 1, 6);
    expect([...norm.movingMean.dataSync(), ...norm.movingVariance.dataSync()]).toEqual([0.5, -0.5, 1, 4]);
  });

  it('adds another number to the variance if one is given, in inference and in training', () => {
    const norm = { ...variables(), epsilon: 0.5 };
    const x = tf.tensor4d([1.5, 3.5, 0.5, 1.5], [2, 1, 1, 2]);
    expect(batchNorm(x, norm, false).dataSync()[0]).toBeCloseTo((1.5 - 0.5) / Math.sqrt(1.5), 6);
    // The mean of the first channel is 1, and its variance 0.25.
    expect(batchNorm(x, norm, true).dataSync()[0]).toBeCloseTo(0.5 / Math.sqrt(0.75), 6);
  });
});
