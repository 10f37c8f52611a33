import { IDENTITY, rotation } from '@carpal/masks/warp.ts';
import { describe, expect, it } from 'vitest';
import { damp, ViewMean } from './view-mean.ts';
import { betweenSquares } from './views.ts';

describe('damp', () => {
  it('leaves logits up to 4 unchanged, and lets greater ones grow slowly and in order, on both sides', () => {
    const logits = Float32Array.of(-40, -4, -1.5, 0, 1.5, 4, 5, 40);
    damp(logits);
    expect([...logits.slice(1, 6)]).toEqual([-4, -1.5, 0, 1.5, 4]);
    expect(logits[6]).toBeCloseTo(4 + Math.LN2, 6);
    expect(logits[7]).toBeCloseTo(4 + Math.log(37), 5);
    expect(logits[0]).toBe(-(logits[7] as number));
  });

  it('keeps one view that is wrong and very sure from outvoting two that are right', () => {
    const mean = new ViewMean(1, 1);
    for (const logit of [3, 4, -12]) {
      const view = Float32Array.of(logit);
      damp(view);
      mean.add(view, 1, IDENTITY, 1);
    }
    expect(mean.logits()[0]).toBeGreaterThan(0);
  });
});

describe('ViewMean', () => {
  it('uses a rotated view only for the pixels that it shows', () => {
    const size = 9;
    const mean = new ViewMean(size, 1);
    mean.add(new Float32Array(size * size).fill(1), size, IDENTITY, 1);
    mean.add(new Float32Array(size * size).fill(-1), size, rotation(45, 4, 4), 1);
    const logits = mean.logits();
    for (const corner of [0, 8, 72, 80]) expect(logits[corner]).toBeCloseTo(1, 5);
    for (const pixel of [40, 4, 36]) expect(logits[pixel]).toBeCloseTo(0, 5);
  });

  it('returns "no bone" for a pixel that no view shows', () => {
    const mean = new ViewMean(9, 1);
    mean.add(new Float32Array(81).fill(3), 9, rotation(45, 4, 4), 1);
    expect(mean.logits()[0]).toBeLessThan(-5);
  });

  it('enlarges with aligned pixel centres, so a slope stays in place', () => {
    const [from, to] = [8, 24];
    const mean = new ViewMean(to, 1);
    mean.add(
      Float32Array.from({ length: from * from }, (_, i) => (i % from) + 0.5 - 4),
      from,
      betweenSquares(to, from),
      1,
    );
    const logits = mean.logits();
    for (let x = 2; x < to - 2; x++) expect(logits[5 * to + x]).toBeCloseTo((x + 0.5) / 3 - 4, 4);
  });

  it('reads no pixel outside the view, at any size', () => {
    for (const [from, to] of [
      [1, 5],
      [5, 1],
      [2, 3],
      [7, 7],
    ] as const) {
      const mean = new ViewMean(to, 2);
      mean.add(new Float32Array(from * from * 2).fill(2), from, betweenSquares(to, from), 1);
      for (const logit of mean.logits()) expect(logit).toBeCloseTo(2, 5);
    }
  });
});
