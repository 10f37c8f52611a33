import { describe, expect, it } from 'vitest';
import { pickEvenly, pickExtremes } from './pick-images.ts';

describe('pickExtremes', () => {
  it.each([
    ['many images', [0.9, 0.1, 0.5, 0.7, 0.3], 2, [1, 4], [0, 3]],
    ['fewer images than requested, without repeating one', [0.9, 0.1, 0.5], 4, [1, 2], [0]],
    ['one image', [0.4], 4, [0], []],
    ['no images', [], 4, [], []],
  ])('picks the worst and the best of %s', (_, dice, count, worst, best) => {
    expect(pickExtremes(dice, count)).toEqual({ worst, best });
  });
});

describe('pickEvenly', () => {
  it.each([
    [10, 3, [0, 3, 6]],
    [2, 5, [0, 1]],
    [0, 5, []],
  ])('with %i images picks at most %i', (total, count, expected) => {
    expect([...pickEvenly(total, count)]).toEqual(expected);
  });
});
