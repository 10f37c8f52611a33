import { describe, expect, it } from 'vitest';
import { busyText, coresBusyBetween } from './busy-cores.ts';

describe('cores busy with other work', () => {
  it('are the busy part of what all cores had', () => {
    const before = { busyMs: 500, allMs: 10_000 };
    expect(coresBusyBetween(before, { busyMs: 2000, allMs: 12_000 }, 2)).toBeCloseTo(1.5);
    expect(coresBusyBetween(before, before, 2)).toBe(0);
  });

  it('are told of only where they disturb', () => {
    expect([undefined, 0, 0.2, 0.31, 1.96].map(busyText)).toEqual(['', '', '', '0.3 cores busy', '2.0 cores busy']);
  });
});
