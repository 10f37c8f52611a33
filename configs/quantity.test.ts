import { describe, expect, it } from 'vitest';
import { quantityValue } from './quantity.ts';

describe('quantityValue', () => {
  it.each([
    ['7', 7],
    ['500m', 0.5],
    ['48Gi', 48 * 2 ** 30],
    ['1.5G', 1.5e9],
    ['64Ki', 65_536],
  ])('reads %s', (text, value) => {
    expect(quantityValue(text)).toBe(value);
  });

  it.each(['', '7 ', 'Gi', '-1', '1e3', '1gi', '1.', '.5', '0x10'])('refuses "%s"', (text) => {
    expect(() => quantityValue(text)).toThrow(RangeError);
  });
});
