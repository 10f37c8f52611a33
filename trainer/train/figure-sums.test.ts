import { CALIBRATION_LEVELS } from '@carpal/artifacts/figures.ts';
import { describe, expect, it } from 'vitest';
import { type ClassScore, TriedThresholds } from '../infer/tried-thresholds.ts';
import { FigureSums, groupsOfPeople } from './figure-sums.ts';

const tried = new TriedThresholds(0.5);

/** A class whose Dice is the same at every threshold. */
function scoreWith(dice: number, truePixels: number): ClassScore {
  const levels = (count: number): Uint32Array => new Uint32Array(CALIBRATION_LEVELS).fill(count, 7, 8);
  return {
    dice: new Float64Array(tried.thresholds.length).fill(dice),
    cleaned: [1, 2, 3].map((way) => new Float64Array(tried.cleanedThresholds.length).fill(dice + way)),
    pixels: levels(100),
    truePixels: levels(truePixels),
    mask: new Uint32Array(0),
  };
}

describe('groupsOfPeople', () => {
  it('gives each person one group, whatever the order, and groups of equal size', () => {
    const people = Array.from({ length: 25 }, (_, index) => `ID${String(index).padStart(3, '0')}`);
    const groups = groupsOfPeople(people);
    expect(groupsOfPeople([...people, ...people].reverse())).toEqual(groups);
    const sizes = new Map<number, number>();
    for (const group of groups.values()) sizes.set(group, (sizes.get(group) ?? 0) + 1);
    expect([...sizes.values()].sort()).toEqual([2, 2, 2, 2, 2, 3, 3, 3, 3, 3]);
  });
});

describe('FigureSums', () => {
  it('adds the Dice of each group, and the pixels of all images', () => {
    const sums = new FigureSums(tried, 2);
    sums.add(4, [scoreWith(0.5, 30), scoreWith(0, 0)]);
    sums.add(1, [scoreWith(0.25, 20), scoreWith(0, 0)]);
    sums.add(4, [scoreWith(0.75, 10), scoreWith(1, 0)]);
    const { groups } = sums.thresholdSums();
    expect(groups.map(({ group, images }) => [group, images])).toEqual([
      [1, 1],
      [4, 2],
    ]);
    expect(groups[1]?.dice.map((row) => new Set(row))).toEqual([new Set([1.25]), new Set([1])]);
    expect(groups[1]?.cleaned.largest[0]?.[0]).toBe(3.25);
    expect(groups[1]?.cleaned['largest+fill'][0]?.[0]).toBe(7.25);
    const { images, pixels, truePixels } = sums.calibration();
    expect([images, pixels[0]?.[7], truePixels[0]?.[7], truePixels[1]?.[7]]).toEqual([3, 300, 60, 0]);
    expect(sums.perClass()).toEqual([
      { dice: 0.5, truePixels: 60 },
      { dice: 1 / 3, truePixels: 0 },
    ]);
  });
});
