import { describe, expect, it } from 'vitest';
import { type Tensor4D, tf } from '../tensorflow.ts';
import { gradientsOf, spreadValues } from '../testing/check-gradients.ts';
import { dropout } from './dropout.ts';

const seed = (...values: [number, number]) => tf.tensor1d(values, 'int32');
const ones = (): Tensor4D => tf.fill([2, 16, 16, 8], 1);
const drawn = (key: [number, number], place = 1, rate = 0.3) => [...dropout(ones(), { rate, seed: seed(...key), place }).dataSync()];

describe('dropout', () => {
  it('drops the given fraction and keeps the expected sum', () => {
    const values = drawn([3, 4]);
    const dropped = values.filter((value) => value === 0).length / values.length;
    expect(dropped).toBeGreaterThan(0.27);
    expect(dropped).toBeLessThan(0.33);
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / 0.7)]));
  });

  it('drops the same values for the same seed, and other values in another step, training or place', () => {
    expect(drawn([3, 4])).toEqual(drawn([3, 4]));
    for (const other of [drawn([3, 5]), drawn([4, 4]), drawn([3, 4], 2)]) expect(other).not.toEqual(drawn([3, 4]));
  });

  it('passes gradients only where it passed values', () => {
    tf.tidy(() => {
      const x = spreadValues([1, 4, 4, 3], 1) as Tensor4D;
      const choice = { rate: 0.5, seed: seed(1, 2), place: 0 };
      const [gradient] = gradientsOf((given) => dropout(given as Tensor4D, choice), [x]);
      const weights = spreadValues([1, 4, 4, 3], 99).dataSync();
      const kept = dropout(tf.onesLike(x), choice).dataSync();
      expect([...(gradient ?? [])]).toEqual([...kept].map((scale, index) => Math.fround(scale * (weights[index] as number))));
    });
  });
});
