import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillHoles } from './cleaning.ts';
import { largestComponent } from './components.ts';
import { fillPolygon } from './fill-polygon.ts';
import { equalMasks, type RleMask } from './rle-mask.ts';
import { arbitraryMasks, drawn } from './testing/arbitrary-masks.ts';
import { traceOutline } from './trace-outline.ts';

const filledAgain = (mask: RleMask): RleMask => fillPolygon(traceOutline(mask).flat(), mask.width, mask.height);

describe('traceOutline', () => {
  it('has vertices only at corners, clockwise from the uppermost pixel', () => {
    expect(traceOutline(drawn('......', '.####.', '.####.', '.####.'))).toEqual([
      [1, 1],
      [4, 1],
      [4, 3],
      [1, 3],
    ]);
  });

  it('is a point for a pixel, and empty for an empty mask', () => {
    expect(traceOutline(drawn('...', '..#'))).toEqual([[2, 1]]);
    expect(traceOutline(drawn('...', '...'))).toEqual([]);
  });

  it('passes thin parts in both directions', () => {
    const mask = drawn('##....', '##.###', '..#...');
    expect(equalMasks(filledAgain(mask), mask)).toBe(true);
  });

  it('is filled to the largest part without holes, for every mask', () => {
    fc.assert(
      fc.property(arbitraryMasks(1, 20), ([mask]) => {
        const part = fillHoles(largestComponent(mask as RleMask));
        expect(equalMasks(filledAgain(mask as RleMask), part)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
