import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitmapFromMask } from './rle-mask.ts';
import { maskFromProbabilities } from './threshold.ts';

describe('runsFromProbabilities', () => {
  it('holds exactly the values greater than the threshold', () => {
    const map = fc.array(fc.constantFrom(0, 0.25, 0.5, 0.75, 1, Number.NaN), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(map, fc.constantFrom(0, 0.25, 0.5, 1), (values, threshold) => {
        const runs = maskFromProbabilities(Float32Array.from(values), values.length, 1, threshold);
        expect(bitmapFromMask(runs)).toEqual(Uint8Array.from(values, (value) => (value > threshold ? 1 : 0)));
      }),
    );
  });

  it('refuses a map of another length', () => {
    expect(() => maskFromProbabilities(new Float32Array(5), 2, 3, 0.5)).toThrow('A 2×3 map has 6 values, not 5.');
  });
});
