import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareWithLimit, fittingSizes } from './estimate.ts';

describe('fittingSizes', () => {
  it('returns the largest batch and size that fit if memory grows with both', () => {
    const parts = fc.record({
      size: fc.constantFrom(64, 256, 1024),
      batchSize: fc.integer({ min: 2, max: 256 }),
      sizeMultiple: fc.constantFrom(4, 16, 32),
    });
    fc.assert(
      fc.property(parts, fc.integer({ min: 1, max: 60_000 }), (asked, limitMb) => {
        const memoryMb = (count: number, side: number): number => 400 + (count * side * side) / 1000;
        const { batchSize, size } = fittingSizes(asked, limitMb, memoryMb);
        if (batchSize !== undefined) expect(memoryMb(batchSize, asked.size)).toBeLessThanOrEqual(limitMb);
        if ((batchSize ?? 0) + 1 < asked.batchSize) expect(memoryMb((batchSize ?? 0) + 1, asked.size)).toBeGreaterThan(limitMb);
        if (size !== undefined) expect([size % asked.sizeMultiple, memoryMb(1, size) <= limitMb]).toEqual([0, true]);
        const larger = (size ?? 32 - asked.sizeMultiple) + asked.sizeMultiple;
        if (larger <= 2048) expect(memoryMb(1, larger)).toBeGreaterThan(limitMb);
      }),
    );
  });

  it('returns a smaller size than that of a single image that did not fit, whatever the estimate says', () => {
    expect(fittingSizes({ size: 256, batchSize: 1, sizeMultiple: 32 }, 500, () => 500)).toEqual({ batchSize: undefined, size: 224 });
  });
});

describe('compareWithLimit', () => {
  it.each([
    [600, 'fits'],
    [601, 'unsure'],
    [1600, 'unsure'],
    [1601, 'exceeds'],
  ])('compares %i MB with a limit of 1000 MB: %s', (estimate, expected) => {
    expect(compareWithLimit(estimate, 1000)).toBe(expected);
  });
});
