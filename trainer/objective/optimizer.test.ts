import { describe, expect, it } from 'vitest';
import { tf } from '../engine/tensorflow.ts';
import { relativeDifference, spreadValues } from '../engine/testing/check-gradients.ts';
import { openUpdateSession } from '../engine/testing/update-session.ts';
import { createOptimizer } from './create-optimizer.ts';
import { clipGradients, globalNorm } from './optimizer.ts';

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
    { name: 'a kernel with decay', shape: [4, 6], decays: true },
    { name: 'a vector without decay', shape: [24], decays: false },
  ])('updates $name like PyTorch over 30 steps', ({ shape, decays }) => {
    const variable = tf.tidy(() => tf.variable(spreadValues(shape, 1)));
    const start = [...variable.dataSync()];
    const optimizer = createOptimizer([{ name: 'x', variable }], { name: 'AdamW', weightDecay: 0.1 });
    if (optimizer.kind !== 'fused') throw new Error('AdamW is not fused');
    const slots = optimizer.slots.map((slot) => ({ ...slot, name: `optimizer/${slot.name}` }));
    const session = openUpdateSession([{ name: 'model/x', variable }, ...slots], optimizer.write);
    const gradients = Array.from({ length: 30 }, (_, step) =>
      tf.tidy(() => [...tf.mul(spreadValues(shape, 10 + step), 10 ** ((step % 5) - 4)).dataSync()]),
    );
    for (const x of gradients) session.run({ x }, 0.01);
    const moved = session.readState().get('model/x')?.data ?? [];
    expect(relativeDifference(moved, reference(start, gradients, 0.01, decays ? 0.1 : 0))).toBeLessThan(2e-6);
    session.dispose();
    optimizer.dispose();
    variable.dispose();
  });
});

describe('the optimizer', () => {
  it.each([
    ['AdamW', ['beta1Power', 'beta2Power', 'mean/a', 'square/a']],
    ['SGD', ['momentum/a']],
    ['RMSprop', ['square/a']],
    ['Lion', ['mean/a']],
  ] as const)('%s keeps all its state in slots', (name, expected) => {
    const variable = tf.tidy(() => tf.variable(tf.zeros([2, 3])));
    const optimizer = createOptimizer([{ name: 'a', variable }], { name, weightDecay: 0 });
    expect(optimizer.slots.map((slot) => slot.name)).toEqual(expected);
    optimizer.dispose();
    variable.dispose();
  });
});

describe('gradient clipping', () => {
  const gradients = () => [tf.tensor1d([3, 0]), tf.tensor2d([[0, 4]])];

  it('measures all gradients as one vector', () => {
    expect(globalNorm(gradients()).dataSync()[0]).toBeCloseTo(5, 6);
  });

  it('scales gradients down together to the limit and does not change smaller ones', () => {
    const values = (limit: number) =>
      clipGradients(gradients(), limit).map((gradient) => [...gradient.dataSync()].map((value) => Number(value.toFixed(5))));
    expect(values(1)).toEqual([[0.6, 0], [0, 0.8]]); // biome-ignore format: a pair
    expect(values(6)).toEqual([[3, 0], [0, 4]]); // biome-ignore format: a pair
  });
});
