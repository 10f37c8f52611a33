import { dice } from '@carpal/masks/dice.ts';
import { drawn } from '@carpal/masks/testing/arbitrary-masks.ts';
import { describe, expect, it } from 'vitest';
import { parseThresholdSums, ThresholdTally, triedThresholds } from './threshold-sums.ts';

const sums = { thresholds: [0.3, 0.5, 0.7], perClassDiceSum: [[1, 2, 3]], images: 3 };
const cleaned = { largest: [[1, 2, 3]], fill: [[1, 2, 3]], 'largest+fill': [[1, 2, 3]] };

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

describe('triedThresholds', () => {
  it('have the manifest’s among them, once and in its place', () => {
    expect(triedThresholds(0.5)).toEqual([0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
    expect(triedThresholds(0.35)).toEqual([0.2, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7]);
  });
});

describe('parseThresholdSums', () => {
  it('reads what a fold writes, and what an earlier version wrote', () => {
    expect(parseThresholdSums(JSON.stringify({ ...sums, cleaned }))).toEqual({ ...sums, cleaned });
    expect(parseThresholdSums(JSON.stringify(sums))).toEqual(sums);
  });

  it.each([
    ['text that is not JSON', '{'],
    ['rows of another length', JSON.stringify({ ...sums, perClassDiceSum: [[1]] })],
    ['cleaned rows of another length', JSON.stringify({ ...sums, cleaned: { ...cleaned, fill: [[1, 2]] } })],
    ['cleaned sums of other classes', JSON.stringify({ ...sums, cleaned: { ...cleaned, fill: [] } })],
    ['a way of cleaning without sums', JSON.stringify({ ...sums, cleaned: { largest: [[1, 2, 3]] } })],
    ['a threshold outside 0 to 1', JSON.stringify({ ...sums, thresholds: [0, 0.5, 1] })],
    ['no count of images', JSON.stringify({ ...sums, images: null })],
  ])('refuses %s', (_, text) => {
    expect(parseThresholdSums(text)).toBeUndefined();
  });
});
