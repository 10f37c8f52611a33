// cspell:ignore stoping ephocs
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { didYouMean, editDistance } from './did-you-mean.ts';

describe('didYouMean', () => {
  const known = ['epochs', 'batchSize', 'earlyStopping', 'UNet', 'SlimUNet', 'flipHorizontal'];

  it.each([
    ['epoch', 'epochs'],
    ['batch_size', 'batchSize'],
    ['earlyStoping', 'earlyStopping'],
    ['unet', 'UNet'],
    ['ephocs', 'epochs'],
    ['horizontalFlip', undefined],
    ['x', undefined],
  ])('suggests %s for %s', (name, meant) => {
    expect(didYouMean(name, known)).toBe(meant);
  });

  it('suggests nothing for very long names', () => {
    expect(didYouMean('e'.repeat(1_000_000), known)).toBeUndefined();
  });
});

describe('editDistance', () => {
  const word = fc.string({ maxLength: 8 });

  it('is a distance: 0 only for equal words, symmetric, at most the length of the longer word, at least the difference of the lengths', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, a)).toBe(0);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(editDistance(a, b)).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
  });

  it('counts a swap of adjacent letters as 1', () => {
    expect(editDistance('ab', 'ba')).toBe(1);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });
});
