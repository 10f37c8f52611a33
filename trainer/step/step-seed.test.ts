import { describe, expect, it } from 'vitest';
import type { NamedArrays } from '../engine/named-arrays.ts';
import { StepSeed } from './step-seed.ts';

const save = (seed: StepSeed): NamedArrays => {
  const state: NamedArrays = new Map();
  seed.save(state);
  return state;
};

describe('the seed of a step', () => {
  it('differs from step to step and continues from its saved state', () => {
    const whole = new StepSeed(4_294_967_295, true);
    const values = Array.from({ length: 4 }, () => {
      const now = [...whole.values];
      whole.advance();
      return now;
    });
    expect(values).toEqual([0, 1, 2, 3].map((step) => [-1, step]));
    const resumed = new StepSeed(4_294_967_295, true);
    resumed.read(save(whole)).accept();
    expect(resumed.values).toEqual(whole.values);
  });

  it('saves nothing for a network that draws no random numbers', () => {
    expect(save(new StepSeed(1, false)).size).toBe(0);
  });

  it.each([undefined, -1, 0.5, Number.NaN, 2 ** 24])('refuses a saved count of %s', (count) => {
    const state: NamedArrays =
      count === undefined ? new Map() : new Map([['optimizer/batchesSeen', { shape: [], data: Float32Array.of(count) }]]);
    expect(() => new StepSeed(1, true).read(state)).toThrow(expect.objectContaining({ code: 'weights-mismatch' }));
  });
});
