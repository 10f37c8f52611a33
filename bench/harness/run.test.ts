import { describe, expect, it } from 'vitest';
import { busyText } from './outcome.ts';
import { coresBusyBetween } from './run.ts';

describe('coresBusyBetween', () => {
  it('returns how many of all cores were busy', () => {
    const before = { busyMs: 500, allMs: 10_000 };
    expect(coresBusyBetween(before, { busyMs: 2000, allMs: 12_000 }, 2)).toBeCloseTo(1.5);
    expect(coresBusyBetween(before, before, 2)).toBe(0);
  });
});

describe('busyText', () => {
  it('returns an empty text for a quiet machine', () => {
    expect([undefined, 0, 0.2, 0.31, 1.96].map(busyText)).toEqual(['', '', '', '0.3 cores busy', '2.0 cores busy']);
  });
});
