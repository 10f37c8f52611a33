import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskFromRuns, type Runs } from './runs.ts';
import { arbitraryRuns } from './testing/arbitrary-masks.ts';
import { transpose } from './transpose.ts';

describe('transpose', () => {
  it('exchanges rows and columns of the bitmap, and twice gives the mask back', () => {
    fc.assert(
      fc.property(arbitraryRuns(1), ([first]) => {
        const runs = first as Runs;
        const mask = maskFromRuns(runs);
        const transposed = transpose(runs);
        const expected = mask.map((_, i) => mask[(i % runs.height) * runs.width + Math.floor(i / runs.height)] as number);
        expect(maskFromRuns(transposed)).toEqual(expected);
        expect(transpose(transposed)).toEqual(runs);
      }),
    );
  });
});
