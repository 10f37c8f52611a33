import type { Cleaning } from '@carpal/masks/cleaning.ts';
import { describe, expect, it } from 'vitest';
import { CLEANING_GAIN, type CutChoice, chooseThresholds } from './choose-thresholds.ts';
import type { ThresholdSums } from './threshold-sums.ts';

const thresholds = [0.3, 0.5, 0.7];
const of = (images: number, ...rows: number[][]): ThresholdSums => ({ thresholds, perClassDiceSum: rows, images });
/** One class of one image, with the Dice of each cleaning at each threshold. */
const cleanedBy = (none: number[], largest: number[], fill: number[], both: number[]): ThresholdSums => ({
  ...of(1, none),
  cleaned: { largest: [largest], fill: [fill], 'largest+fill': [both] },
});
const choice = (changes: Partial<CutChoice> = {}): CutChoice => ({
  threshold: 0.5,
  perClassThresholds: true,
  perClassCleaning: true,
  ...changes,
});

describe('chooseThresholds', () => {
  it('takes for each class the best over all folds together, larger folds weighing more', () => {
    const chosen = chooseThresholds([of(2, [1.0, 1.8, 1.0], [1.5, 1.4, 1.0]), of(8, [7.9, 7, 6], [5, 6, 6.5])], 2, choice());
    expect(chosen.map(({ threshold }) => threshold)).toEqual([0.3, 0.7]);
    expect(chosen[0]?.dice).toBeCloseTo(0.89, 12);
  });

  it('takes of equals the one nearest to the threshold of the manifest', () => {
    expect(chooseThresholds([of(1, [0.9, 0.9, 0.9])], 1, choice({ threshold: 0.65 }))[0]?.threshold).toBe(0.7);
  });

  it('knows the Dice of the manifest’s threshold where none is chosen', () => {
    const chosen = chooseThresholds([of(2, [1.9, 1.8, 1.0])], 1, choice({ perClassThresholds: false }));
    expect(chosen).toEqual([{ threshold: 0.5, cleaning: 'none', dice: 0.9 }]);
  });

  it.each<[string, ThresholdSums, Partial<CutChoice>, { threshold: number; cleaning: Cleaning }]>([
    [
      'together, each at its own threshold',
      cleanedBy([0.8, 0.9, 0.7], [0.95, 0.9, 0.7], [0.8, 0.9, 0.7], [0.95, 0.9, 0.7]),
      {},
      { threshold: 0.3, cleaning: 'largest' },
    ],
    [
      'both ways where both gain',
      cleanedBy([0.8, 0.8, 0.8], [0.85, 0.8, 0.8], [0.8, 0.86, 0.8], [0.8, 0.8, 0.9]),
      {},
      { threshold: 0.7, cleaning: 'largest+fill' },
    ],
    [
      'not where the gain is within the margin',
      cleanedBy([0.8, 0.8, 0.8], [0.8, 0.8 + 0.9 * CLEANING_GAIN, 0.8], [0.8, 0.8, 0.8], [0.8, 0.8, 0.8]),
      {},
      { threshold: 0.5, cleaning: 'none' },
    ],
    [
      'the lighter way where the other adds nothing',
      cleanedBy([0.8, 0.8, 0.8], [0.8, 0.9, 0.8], [0.8, 0.8, 0.8], [0.8, 0.9 + 0.5 * CLEANING_GAIN, 0.8]),
      {},
      { threshold: 0.5, cleaning: 'largest' },
    ],
    [
      'at the fixed threshold where thresholds are not chosen',
      cleanedBy([0.8, 0.8, 0.8], [0.99, 0.7, 0.8], [0.8, 0.85, 0.8], [0.99, 0.7, 0.8]),
      { perClassThresholds: false },
      { threshold: 0.5, cleaning: 'fill' },
    ],
    [
      'never where the manifest does not want it',
      cleanedBy([0.8, 0.7, 0.7], [0.99, 0.99, 0.8], [0.8, 0.85, 0.8], [0.99, 0.7, 0.8]),
      { perClassCleaning: false },
      { threshold: 0.3, cleaning: 'none' },
    ],
  ])('chooses cleaning %s', (_, sums, changes, expected) => {
    expect(chooseThresholds([sums], 1, choice(changes))[0]).toMatchObject(expected);
  });

  it('cleans nothing where a fold of an earlier version has no sums of it', () => {
    const [old, later] = [of(1, [0.5, 0.5, 0.5]), cleanedBy([0.5, 0.5, 0.5], [1, 1, 1], [1, 1, 1], [1, 1, 1])];
    expect(chooseThresholds([later, old], 1, choice())).toEqual([{ threshold: 0.5, cleaning: 'none', dice: 0.5 }]);
  });

  it.each<[string, ThresholdSums[], Partial<CutChoice>]>([
    ['no fold has sums', [], {}],
    ['folds tried different thresholds', [of(1, [0.1, 0.2, 0.3]), { ...of(1, [0.1, 0.2, 0.3]), thresholds: [0.2, 0.5, 0.8] }], {}],
    ['the sums are of other classes', [of(1, [0.1, 0.2, 0.3], [0.1, 0.2, 0.3])], {}],
    ['the fixed threshold was not tried', [of(1, [0.1, 0.2, 0.3])], { perClassThresholds: false }],
  ])('falls back where %s', (_, folds, changes) => {
    const chosen = chooseThresholds(folds, 1, choice({ threshold: 0.4, ...changes }));
    expect(chosen).toEqual([{ threshold: 0.4, cleaning: 'none', dice: undefined }]);
  });
});
