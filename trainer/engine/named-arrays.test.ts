import { describe, expect, it } from 'vitest';
import type { NamedArrays } from './named-arrays.ts';
import { checkFinite } from './named-arrays.ts';

const arrays = (...values: number[]): NamedArrays =>
  new Map([
    ['model/a/kernel', { shape: [2], data: Float32Array.of(1, -2) }],
    ['model/b/bias', { shape: [values.length], data: Float32Array.from(values) }],
  ]);

describe('checkFinite', () => {
  it('accepts any finite values, and empty arrays', () => {
    expect(() => checkFinite(arrays(0, -0, 3.4e38, -3.4e38, 1e-45), 'a')).not.toThrow();
    expect(() => checkFinite(arrays(), 'a')).not.toThrow();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])('names the array and the index of %d', (value) => {
    expect(() => checkFinite(arrays(1, 2, value, 4), 'x.safetensors')).toThrow(
      expect.objectContaining({ code: 'weights-invalid', where: 'x.safetensors', message: `model/b/bias holds ${value} at index 2` }),
    );
  });
});
