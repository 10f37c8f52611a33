import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DURATION_PATTERN, durationMs, formatDuration } from './duration.ts';

describe('durationMs', () => {
  it.each([
    ['90m', 5_400_000],
    ['2h', 7_200_000],
    ['14d', 1_209_600_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1m1s1ms', 61_001],
    ['0s', 0],
  ])('reads %s', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });

  it.each(['', '2', 'h', '2 h', '-2h', '1.5h', '2H', '2w', '1h ', '1h2m3s4ms5d6h', '1234567d', '٢h'])('refuses "%s"', (text) => {
    expect(() => durationMs(text)).toThrow(RangeError);
  });

  it('reads exactly what formatDuration wrote', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 86_400_000 * 999_999 }), (ms) => {
        const text = formatDuration(ms);
        expect(text).toMatch(DURATION_PATTERN);
        expect(durationMs(text)).toBe(ms);
      }),
    );
  });

  it('reads two durations written one after the other as their sum', () => {
    const part = fc
      .tuple(fc.integer({ min: 0, max: 999_999 }), fc.constantFrom('ms', 's', 'm', 'h', 'd'))
      .map(([count, unit]) => `${count}${unit}`);
    fc.assert(fc.property(part, part, (a, b) => durationMs(a + b) === durationMs(a) + durationMs(b)));
  });
});
