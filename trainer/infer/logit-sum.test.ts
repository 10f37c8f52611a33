import { IDENTITY, rotation } from '@carpal/masks/warp.ts';
import { describe, expect, it } from 'vitest';
import { LogitSum } from './logit-sum.ts';
import { betweenSquares } from './view.ts';

describe('LogitSum', () => {
  it('is the mean of what was added, class by class', () => {
    const sum = new LogitSum(2, 2);
    sum.add(Float32Array.from([1, 10, 2, 20, 3, 30, 4, 40]), 2, IDENTITY);
    sum.add(Float32Array.from([3, 10, 4, 20, 5, 30, 6, 40]), 2, IDENTITY);
    expect([...sum.mean()]).toEqual([2, 10, 3, 20, 4, 30, 5, 40]);
  });

  it('lets a turned view speak for the pixels that it shows, and others alone for the rest', () => {
    const size = 9;
    const sum = new LogitSum(size, 1);
    sum.add(new Float32Array(size * size).fill(1), size, IDENTITY);
    sum.add(new Float32Array(size * size).fill(3), size, rotation(45, 4, 4));
    const mean = sum.mean();
    expect([mean[0], mean[8], mean[72], mean[80]]).toEqual([1, 1, 1, 1]);
    expect([mean[40], mean[4], mean[36]]).toEqual([2, 2, 2]);
  });

  it('answers "no bone" where no view shows the pixel', () => {
    const sum = new LogitSum(9, 1);
    sum.add(new Float32Array(81).fill(3), 9, rotation(45, 4, 4));
    expect(sum.mean()[0]).toBeLessThan(-5);
  });

  it('enlarges with pixel centres aligned: a slope stays where it is', () => {
    const [from, to] = [8, 24];
    const sum = new LogitSum(to, 1);
    sum.add(
      Float32Array.from({ length: from * from }, (_, i) => (i % from) + 0.5),
      from,
      betweenSquares(to, from),
    );
    const mean = sum.mean();
    for (let x = 2; x < to - 2; x++) expect(mean[5 * to + x]).toBeCloseTo((x + 0.5) / 3, 5);
  });

  it('reads no pixel beyond the view, at any size', () => {
    for (const [from, to] of [
      [1, 5],
      [5, 1],
      [2, 3],
      [7, 7],
    ] as const) {
      const sum = new LogitSum(to, 2);
      sum.add(new Float32Array(from * from * 2).fill(2), from, betweenSquares(to, from));
      expect([...sum.mean()]).toEqual(new Array(to * to * 2).fill(2));
    }
  });
});
