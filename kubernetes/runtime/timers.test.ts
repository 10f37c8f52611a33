import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, jittered } from './timers.ts';

describe('back-off', () => {
  const limits = fc.record({ baseMs: fc.integer({ min: 1, max: 1000 }), longestMs: fc.integer({ min: 1000, max: 1_000_000 }) });

  it('starts at the base, never shrinks, at most doubles, and stays within its limit', () => {
    fc.assert(
      fc.property(limits, fc.nat(5000), (chosen, failures) => {
        const [now, next] = [backoffMs(failures, chosen), backoffMs(failures + 1, chosen)];
        expect(backoffMs(1, chosen)).toBe(chosen.baseMs);
        expect(next).toBeGreaterThanOrEqual(now);
        expect(next).toBeLessThanOrEqual(failures === 0 ? chosen.baseMs : 2 * now);
        expect(next).toBeLessThanOrEqual(chosen.longestMs);
      }),
    );
  });

  it('is 0 without a failure', () => expect(backoffMs(0, { baseMs: 5, longestMs: 10 })).toBe(0));

  it('with jitter is between half and the whole', () => {
    expect([jittered(100, () => 0), jittered(100, () => 0.5), jittered(100, () => 1)]).toEqual([50, 75, 100]);
  });
});
