import type { GroupSums, ThresholdSums } from '@carpal/artifacts/thresholds.ts';
import type { Cleaning } from '@carpal/masks/cleaning.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseThresholds, LEAST_GAIN, type ThresholdChoice } from './choose-thresholds.ts';

const thresholds = [0.3, 0.4, 0.5, 0.7];
const cleanedThresholds = [0.3, 0.5, 0.7];

/** The mean Dice of a group: without cleaning at each threshold, and with cleanings, which change nothing unless given. */
type GroupDice = { readonly none: readonly number[] } & Partial<Record<Exclude<Cleaning, 'none'>, readonly number[]>>;

/** A group of images of one class. */
function groupOf(group: number, { none, ...ways }: GroupDice, images = 2): GroupSums {
  const unchanged = cleanedThresholds.map((at) => none[thresholds.indexOf(at)] ?? 0);
  const sums = (row: readonly number[] = unchanged): number[][] => [row.map((dice) => dice * images)];
  return {
    group,
    images,
    dice: sums(none),
    cleaned: { largest: sums(ways.largest), fill: sums(ways.fill), 'largest+fill': sums(ways['largest+fill']) },
  };
}

const foldOf = (...groups: GroupSums[]): ThresholdSums => ({ thresholds, cleanedThresholds, groups });
/** A fold with `count` groups of equal images. */
const same = (dice: GroupDice, count = 5): ThresholdSums => foldOf(...Array.from({ length: count }, (_, group) => groupOf(group, dice)));
const choice = (changes: Partial<ThresholdChoice> = {}): ThresholdChoice => ({
  threshold: 0.5,
  perClassThresholds: true,
  perClassCleaning: true,
  ...changes,
});
const chosen = (folds: readonly ThresholdSums[], changes: Partial<ThresholdChoice> = {}) =>
  chooseThresholds(folds, 1, choice(changes))[0] as ReturnType<typeof chooseThresholds>[number];

describe('chooseThresholds', () => {
  it('chooses the threshold that gains on people that had no part in the choice, and reports that gain', () => {
    const result = chosen([same({ none: [0.9, 0.85, 0.8, 0.7] })]);
    expect(result).toMatchObject({ threshold: 0.3, fitted: 0.3, cleaning: 'none' });
    expect(result.dice).toBeCloseTo(0.9, 12);
    expect(result.gain).toBeCloseTo(0.1, 12);
  });

  it('adds the groups of all folds, weighted by their images', () => {
    const [few, many] = [{ none: [0.9, 0.5, 0.8, 0.5] }, { none: [0.6, 0.5, 0.7, 0.8] }];
    const folds = [
      foldOf(groupOf(0, few, 1), groupOf(1, few, 1)),
      foldOf(groupOf(1, many, 8), groupOf(2, many, 8), groupOf(3, many, 8), groupOf(4, many, 8)),
    ];
    const result = chosen(folds);
    expect(result).toMatchObject({ threshold: 0.7 });
    expect(result.dice).toBeCloseTo((2 * 0.5 + 32 * 0.8) / 34, 12);
  });

  it('keeps the manifest’s threshold if a gain comes from a single group', () => {
    // With all people together, 0.3 with the largest part is best: one group gains much, all others lose (seen with a Capitate).
    const losing = Array.from({ length: 9 }, (_, group) =>
      groupOf(group, { none: [0.83, 0.86, 0.878, 0.8], largest: [0.741, 0.878, 0.8] }),
    );
    const gaining = groupOf(9, { none: [0.2, 0.1, 0.05, 0], largest: [0.999 + 0.5, 0.05, 0] });
    const all = foldOf(...losing, gaining);
    const sum = (rows: readonly number[]): number => rows.reduce((total, value) => total + value, 0);
    const total = (of: (group: GroupSums) => number): number => sum(all.groups.map(of));
    expect(total(({ cleaned }) => cleaned.largest[0]?.[0] ?? 0)).toBeGreaterThan(total(({ dice }) => dice[0]?.[2] ?? 0));
    expect(chosen([all])).toMatchObject({ threshold: 0.5, cleaning: 'none' });
  });

  it('keeps the manifest’s threshold if the gain is within its standard error over groups, or below the margin', () => {
    const noisy = foldOf(
      groupOf(0, { none: [0.84, 0.8, 0.8, 0.8] }),
      groupOf(1, { none: [0.77, 0.8, 0.8, 0.8] }),
      groupOf(2, { none: [0.83, 0.8, 0.8, 0.8] }),
      groupOf(3, { none: [0.77, 0.8, 0.8, 0.8] }),
    );
    expect(chosen([noisy])).toMatchObject({ threshold: 0.5, cleaning: 'none' });
    expect(chosen([same({ none: [0.8, 0.8 + 0.9 * LEAST_GAIN, 0.8, 0.8] })])).toMatchObject({ threshold: 0.5, gain: 0 });
  });

  it.each<[string, GroupDice, Partial<ThresholdChoice>, { threshold: number; cleaning: Cleaning }]>([
    [
      'together with the threshold',
      { none: [0.8, 0.8, 0.9, 0.7], largest: [0.95, 0.9, 0.7], 'largest+fill': [0.95, 0.9, 0.7] },
      {},
      { threshold: 0.3, cleaning: 'largest' },
    ],
    [
      'of both kinds if both gain',
      { none: [0.8, 0.8, 0.8, 0.8], largest: [0.85, 0.8, 0.8], fill: [0.8, 0.86, 0.8], 'largest+fill': [0.8, 0.8, 0.9] },
      {},
      { threshold: 0.7, cleaning: 'largest+fill' },
    ],
    [
      'none if the gain is within the margin',
      { none: [0.8, 0.8, 0.8, 0.8], largest: [0.8, 0.8 + 0.9 * LEAST_GAIN, 0.8] },
      {},
      { threshold: 0.5, cleaning: 'none' },
    ],
    [
      'of the lighter kind if the other adds nothing',
      { none: [0.8, 0.8, 0.8, 0.8], largest: [0.8, 0.9, 0.8], 'largest+fill': [0.8, 0.9 + 0.5 * LEAST_GAIN, 0.8] },
      {},
      { threshold: 0.5, cleaning: 'largest' },
    ],
    [
      'at the manifest’s threshold if thresholds are not chosen',
      { none: [0.8, 0.8, 0.8, 0.8], largest: [0.99, 0.7, 0.8], fill: [0.8, 0.85, 0.8], 'largest+fill': [0.99, 0.7, 0.8] },
      { perClassThresholds: false },
      { threshold: 0.5, cleaning: 'fill' },
    ],
    [
      'none if the manifest disables it',
      { none: [0.8, 0.7, 0.7, 0.7], largest: [0.99, 0.99, 0.8] },
      { perClassCleaning: false },
      { threshold: 0.3, cleaning: 'none' },
    ],
  ])('chooses cleaning: %s', (_, dice, changes, expected) => {
    expect(chosen([same(dice)], changes)).toMatchObject(expected);
  });

  it('chooses the threshold closest to the manifest’s among equal ones', () => {
    expect(chosen([same({ none: [0.9, 0.9, 0.8, 0.9] })])).toMatchObject({ threshold: 0.4 });
  });

  it('chooses nothing for the images of a single person', () => {
    expect(chosen([foldOf(groupOf(3, { none: [0.9, 0.5, 0.8, 0.5] }))])).toMatchObject({ threshold: 0.5, dice: 0.8, gain: 0 });
  });

  it('scores each group with the choice that the other groups alone lead to', () => {
    const dice = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 4, maxLength: 4 }).map((row) => row.map((value) => value / 100));
    const cleaned = dice.map((row) => row.slice(1));
    const groups = fc.array(fc.record({ none: dice, largest: cleaned, fill: cleaned }), { minLength: 2, maxLength: 5 });
    const scoreWith = ({ fitted, cleaning }: ReturnType<typeof chosen>, own: GroupSums): number =>
      cleaning === 'none'
        ? (own.dice[0]?.[thresholds.indexOf(fitted)] ?? Number.NaN)
        : (own.cleaned[cleaning][0]?.[cleanedThresholds.indexOf(fitted)] ?? Number.NaN);
    fc.assert(
      fc.property(groups, (all) => {
        const sums = all.map((own, group) => groupOf(group, own));
        const expected = sums.reduce((sum, own) => sum + scoreWith(chosen([foldOf(...sums.filter((other) => other !== own))]), own), 0);
        expect((chosen([foldOf(...sums)]).dice ?? Number.NaN) * 2 * sums.length).toBeCloseTo(expected, 9);
      }),
    );
  });

  it.each<[string, ThresholdSums[], Partial<ThresholdChoice>]>([
    ['no fold has sums', [], {}],
    [
      'folds tried different thresholds',
      [same({ none: [1, 1, 0.2, 0] }), { ...same({ none: [1, 1, 0.2, 0] }), thresholds: [0.3, 0.4, 0.5, 0.8] }],
      {},
    ],
    ['the manifest’s threshold was not tried', [same({ none: [1, 1, 0.2, 0] })], { threshold: 0.45 }],
    ['it was not tried with cleanings', [same({ none: [1, 1, 0.2, 0] })], { threshold: 0.4 }],
  ])('falls back to the manifest’s threshold if %s', (_, folds, changes) => {
    const threshold = changes.threshold ?? 0.5;
    expect(chosen(folds, changes)).toEqual({ threshold, fitted: threshold, cleaning: 'none', dice: undefined, gain: undefined });
  });

  it('falls back to the manifest’s threshold if the sums have other classes', () => {
    expect(chooseThresholds([same({ none: [1, 1, 0.2, 0] })], 2, choice()).map(({ threshold }) => threshold)).toEqual([0.5, 0.5]);
  });
});
