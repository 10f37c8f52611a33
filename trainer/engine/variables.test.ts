import { describe, expect, it } from 'vitest';
import { tf } from './tensorflow.ts';
import { SharedZeros } from './variables.ts';

const MB = 2 ** 20;

describe('shared zeros', () => {
  it.each([[[]], [[0]], [[5]], [[3, 3, 16, 4]], [[7, 31]]])('of shape %j are zeros, whatever shapes came before and after', (shape) => {
    tf.tidy(() => {
      const zeros = new SharedZeros();
      zeros.like([2, 3]);
      const made = zeros.like(shape);
      zeros.like([1000]);
      zeros.dispose();
      expect(made.shape).toEqual(shape);
      expect([...made.dataSync()]).toEqual(Array(made.size).fill(0));
    });
  });

  it('use the memory of one array', () => {
    const zeros = new SharedZeros();
    const before = process.memoryUsage.rss();
    // Each view has 8 MB; without sharing they would use 800 MB.
    const views = Array.from({ length: 100 }, () => zeros.like([2, MB]));
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * MB);
    for (const view of views) view.dispose();
    zeros.dispose();
  });

  it('are freed together with the last of their views', () => {
    const before = tf.memory();
    const zeros = new SharedZeros();
    const view = zeros.like([4]);
    zeros.dispose();
    expect([...view.dataSync()]).toEqual([0, 0, 0, 0]);
    view.dispose();
    expect(tf.memory()).toMatchObject({ numTensors: before.numTensors, numDataBuffers: before.numDataBuffers });
  });
});
