import type { ThresholdSums } from '@carpal/artifacts/thresholds.ts';
import { parseThresholdSums } from '@carpal/artifacts/thresholds.ts';
import type { Cleaning } from '@carpal/masks/cleaning.ts';
import { dice } from '@carpal/masks/measure.ts';
import { drawn } from '@carpal/masks/testing/arbitrary-masks.ts';
import { describe, expect, it } from 'vitest';
import { CLEANING_GAIN, candidateThresholds, chooseThresholds, type ThresholdChoice, ThresholdTally } from './thresholds.ts';

const thresholds = [0.3, 0.5, 0.7];
const of = (images: number, ...rows: number[][]): ThresholdSums => ({ thresholds, perClassDiceSum: rows, images });
/** One class of one image, with the Dice of each cleaning at each threshold. */
const cleanedBy = (none: number[], largest: number[], fill: number[], both: number[]): ThresholdSums => ({
  ...of(1, none),
  cleaned: { largest: [largest], fill: [fill], 'largest+fill': [both] },
});
const choice = (changes: Partial<ThresholdChoice> = {}): ThresholdChoice => ({
  threshold: 0.5,
  perClassThresholds: true,
  perClassCleaning: true,
  ...changes,
});

describe('chooseThresholds', () => {
  it('chooses the best threshold of each class over all folds, weighted by their number of images', () => {
    const chosen = chooseThresholds([of(2, [1.0, 1.8, 1.0], [1.5, 1.4, 1.0]), of(8, [7.9, 7, 6], [5, 6, 6.5])], 2, choice());
    expect(chosen.map(({ threshold }) => threshold)).toEqual([0.3, 0.7]);
    expect(chosen[0]?.dice).toBeCloseTo(0.89, 12);
  });

  it('chooses the threshold closest to the manifest’s among equal ones', () => {
    expect(chooseThresholds([of(1, [0.9, 0.9, 0.9])], 1, choice({ threshold: 0.65 }))[0]?.threshold).toBe(0.7);
  });

  it('reports the Dice of the manifest’s threshold if thresholds are not chosen', () => {
    const chosen = chooseThresholds([of(2, [1.9, 1.8, 1.0])], 1, choice({ perClassThresholds: false }));
    expect(chosen).toEqual([{ threshold: 0.5, cleaning: 'none', dice: 0.9 }]);
  });

  it.each<[string, ThresholdSums, Partial<ThresholdChoice>, { threshold: number; cleaning: Cleaning }]>([
    [
      'together with the threshold',
      cleanedBy([0.8, 0.9, 0.7], [0.95, 0.9, 0.7], [0.8, 0.9, 0.7], [0.95, 0.9, 0.7]),
      {},
      { threshold: 0.3, cleaning: 'largest' },
    ],
    [
      'of both kinds if both gain',
      cleanedBy([0.8, 0.8, 0.8], [0.85, 0.8, 0.8], [0.8, 0.86, 0.8], [0.8, 0.8, 0.9]),
      {},
      { threshold: 0.7, cleaning: 'largest+fill' },
    ],
    [
      'none if the gain is within the margin',
      cleanedBy([0.8, 0.8, 0.8], [0.8, 0.8 + 0.9 * CLEANING_GAIN, 0.8], [0.8, 0.8, 0.8], [0.8, 0.8, 0.8]),
      {},
      { threshold: 0.5, cleaning: 'none' },
    ],
    [
      'of the lighter kind if the other adds nothing',
      cleanedBy([0.8, 0.8, 0.8], [0.8, 0.9, 0.8], [0.8, 0.8, 0.8], [0.8, 0.9 + 0.5 * CLEANING_GAIN, 0.8]),
      {},
      { threshold: 0.5, cleaning: 'largest' },
    ],
    [
      'at the fixed threshold if thresholds are not chosen',
      cleanedBy([0.8, 0.8, 0.8], [0.99, 0.7, 0.8], [0.8, 0.85, 0.8], [0.99, 0.7, 0.8]),
      { perClassThresholds: false },
      { threshold: 0.5, cleaning: 'fill' },
    ],
    [
      'none if the manifest disables it',
      cleanedBy([0.8, 0.7, 0.7], [0.99, 0.99, 0.8], [0.8, 0.85, 0.8], [0.99, 0.7, 0.8]),
      { perClassCleaning: false },
      { threshold: 0.3, cleaning: 'none' },
    ],
  ])('chooses cleaning: %s', (_, sums, changes, expected) => {
    expect(chooseThresholds([sums], 1, choice(changes))[0]).toMatchObject(expected);
  });

  it('chooses no cleaning if a fold of an earlier version has no sums for it', () => {
    const [old, later] = [of(1, [0.5, 0.5, 0.5]), cleanedBy([0.5, 0.5, 0.5], [1, 1, 1], [1, 1, 1], [1, 1, 1])];
    expect(chooseThresholds([later, old], 1, choice())).toEqual([{ threshold: 0.5, cleaning: 'none', dice: 0.5 }]);
  });

  it.each<[string, ThresholdSums[], Partial<ThresholdChoice>]>([
    ['no fold has sums', [], {}],
    ['folds tried different thresholds', [of(1, [0.1, 0.2, 0.3]), { ...of(1, [0.1, 0.2, 0.3]), thresholds: [0.2, 0.5, 0.8] }], {}],
    ['the sums have other classes', [of(1, [0.1, 0.2, 0.3], [0.1, 0.2, 0.3])], {}],
    ['the fixed threshold was not tried', [of(1, [0.1, 0.2, 0.3])], { perClassThresholds: false }],
  ])('falls back to the manifest’s threshold if %s', (_, folds, changes) => {
    const chosen = chooseThresholds(folds, 1, choice({ threshold: 0.4, ...changes }));
    expect(chosen).toEqual([{ threshold: 0.4, cleaning: 'none', dice: undefined }]);
  });
});

describe('ThresholdTally', () => {
  it('adds the Dice of every threshold and cleaning', () => {
    const truth = drawn('###...', '###...', '###...');
    const ring = drawn('###..#', '#.#...', '###...');
    const tally = new ThresholdTally([0.4, 0.6], 2);
    for (let image = 0; image < 2; image++) {
      tally.add(1, 0, ring, truth);
      tally.add(1, 1, truth, truth);
      tally.countImage();
    }
    const twice = (mask: typeof truth): number => 2 * dice(mask, truth);
    expect(tally.result()).toEqual({
      thresholds: [0.4, 0.6],
      perClassDiceSum: [
        [0, 0],
        [twice(ring), 2],
      ],
      cleaned: {
        largest: [
          [0, 0],
          [twice(drawn('###...', '#.#...', '###...')), 2],
        ],
        fill: [
          [0, 0],
          [twice(drawn('###..#', '###...', '###...')), 2],
        ],
        'largest+fill': [
          [0, 0],
          [2, 2],
        ],
      },
      images: 2,
    });
    expect(parseThresholdSums(JSON.stringify(tally.result()))).toEqual(tally.result());
  });
});

describe('candidateThresholds', () => {
  it('includes the manifest’s threshold once, in ascending order', () => {
    expect(candidateThresholds(0.5)).toEqual([0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
    expect(candidateThresholds(0.35)).toEqual([0.2, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7]);
  });
});
