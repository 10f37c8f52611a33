import { describe, expect, it } from 'vitest';
import { relativeDifference, spreadValues } from '../engine/ops/check-gradients.ts';
import { tf } from '../engine/tensorflow.ts';
import { createAdam } from './adam.ts';
import { clipGradients, globalNorm } from './clip-gradients.ts';

const ADAMW = { decoupled: true, beta1: 0.9, beta2: 0.999 } as const;

/** PyTorch's AdamW, line by line, in double precision. */
function reference(start: number[], gradients: number[][], rate: number, decay: number): number[] {
  const p = [...start];
  const [m, v] = [p.map(() => 0), p.map(() => 0)];
  for (const [step, gradient] of gradients.entries()) {
    for (const i of p.keys()) {
      const g = gradient[i] as number;
      p[i] = (p[i] as number) * (1 - rate * decay);
      m[i] = 0.9 * (m[i] as number) + 0.1 * g;
      v[i] = 0.999 * (v[i] as number) + 0.001 * g * g;
      const denominator = Math.sqrt(v[i] as number) / Math.sqrt(1 - 0.999 ** (step + 1)) + 1e-8;
      p[i] = (p[i] as number) - ((rate / (1 - 0.9 ** (step + 1))) * (m[i] as number)) / denominator;
    }
  }
  return p;
}

describe('AdamW', () => {
  it.each([
    { name: 'a kernel, with decay', shape: [4, 6], decays: true },
    { name: 'a vector, without decay', shape: [24], decays: false },
  ])('moves $name as PyTorch does over 30 steps', ({ shape, decays }) => {
    tf.tidy(() => {
      const variable = tf.variable(spreadValues(shape, 1));
      const start = [...variable.dataSync()];
      const optimizer = createAdam([{ name: 'x', variable }], { ...ADAMW, weightDecay: 0.1 });
      const gradients = Array.from({ length: 30 }, (_, step) => tf.mul(spreadValues(shape, 10 + step), 10 ** ((step % 5) - 4)));
      for (const gradient of gradients) optimizer.update([gradient], tf.scalar(0.01));
      const expected = reference(start, gradients.map((gradient) => [...gradient.dataSync()]), 0.01, decays ? 0.1 : 0); // biome-ignore format: a call
      expect(relativeDifference(variable.dataSync(), expected)).toBeLessThan(2e-6);
      optimizer.dispose();
    });
  });

  it('holds all that it remembers in slots', () => {
    tf.tidy(() => {
      const variable = tf.variable(tf.zeros([2, 3]));
      const { slots } = createAdam([{ name: 'a', variable }], { ...ADAMW, weightDecay: 0 });
      expect(slots.map(({ name }) => name)).toEqual(['beta1Power', 'beta2Power', 'mean/a', 'square/a']);
    });
  });
});

describe('gradient clipping', () => {
  const gradients = () => [tf.tensor1d([3, 0]), tf.tensor2d([[0, 4]])];

  it('measures all gradients as one vector', () => {
    expect(globalNorm(gradients()).dataSync()[0]).toBeCloseTo(5, 6);
  });

  it('scales them together down to the limit and leaves smaller ones alone', () => {
    const values = (limit: number) =>
      clipGradients(gradients(), limit).map((gradient) => [...gradient.dataSync()].map((value) => Number(value.toFixed(5))));
    expect(values(1)).toEqual([[0.6, 0], [0, 0.8]]); // biome-ignore format: a pair
    expect(values(6)).toEqual([[3, 0], [0, 4]]); // biome-ignore format: a pair
  });
});
