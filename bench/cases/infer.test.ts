import { describe, expect, it } from 'vitest';
import { logitsOfCoverage } from './infer.ts';

describe('logitsOfCoverage', () => {
  it('returns one plane per class, from −4 outside to 4 inside', () => {
    const coverage = Uint8Array.from([0, 255, 255, 0]);
    expect([...logitsOfCoverage(coverage, 2)]).toEqual([-4, 4, 4, -4]);
  });
});
