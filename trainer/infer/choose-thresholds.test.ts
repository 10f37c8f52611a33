import { describe, expect, it } from 'vitest';
import { chooseThresholds, parseThresholdSums } from './choose-thresholds.ts';

const thresholds = [0.3, 0.5, 0.7];
const of = (images: number, ...rows: number[][]): { thresholds: number[]; perClassDiceSum: number[][]; images: number } => ({
  thresholds,
  perClassDiceSum: rows,
  images,
});

describe('chooseThresholds', () => {
  it('takes for each class the best over all folds together, larger folds weighing more', () => {
    const chosen = chooseThresholds([of(2, [1.0, 1.8, 1.0], [1.5, 1.4, 1.0]), of(8, [7.9, 7, 6], [5, 6, 6.5])], 2, 0.5);
    expect(chosen.map((choice) => choice.threshold)).toEqual([0.3, 0.7]);
    expect(chosen[0]?.dice).toBeCloseTo(0.89, 12);
  });

  it('takes of equals the one nearest to the fallback', () => {
    expect(chooseThresholds([of(1, [0.9, 0.9, 0.9])], 1, 0.65)[0]?.threshold).toBe(0.7);
  });

  it.each([
    ['no fold has sums', []],
    ['folds tried different thresholds', [of(1, [0.1, 0.2, 0.3]), { ...of(1, [0.1, 0.2, 0.3]), thresholds: [0.2, 0.5, 0.8] }]],
    ['the sums are of other classes', [of(1, [0.1, 0.2, 0.3], [0.1, 0.2, 0.3])]],
  ])('falls back where %s', (_, folds) => {
    expect(chooseThresholds(folds, 1, 0.4)).toEqual([{ threshold: 0.4, dice: undefined }]);
  });
});

describe('parseThresholdSums', () => {
  it('reads what a fold writes', () => {
    expect(parseThresholdSums(JSON.stringify(of(3, [1, 2, 3])))).toEqual(of(3, [1, 2, 3]));
  });

  it.each([
    ['text that is not JSON', '{'],
    ['rows of another length', JSON.stringify(of(1, [1]))],
    ['a threshold outside 0 to 1', JSON.stringify({ ...of(1, [1, 2, 3]), thresholds: [0, 0.5, 1] })],
    ['no count of images', JSON.stringify({ ...of(1, [1, 2, 3]), images: null })],
  ])('refuses %s', (_, text) => {
    expect(parseThresholdSums(text)).toBeUndefined();
  });
});
