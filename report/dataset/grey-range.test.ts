import { describe, expect, it } from 'vitest';
import { greyRange, whiteOf } from './grey-range.ts';

const image = (values: number[], white: number): { pixels: Uint8Array | Uint16Array; white: number } => ({
  pixels: white > 255 ? Uint16Array.from(values) : Uint8Array.from(values),
  white,
});

describe('greyRange', () => {
  it('takes the whole range for unit', () => {
    expect(greyRange(image([5, 9], 4095), 'unit')).toEqual({ black: 0, white: 4095 });
  });

  it('ignores the darkest and the brightest half percent of the pixels for percentile', () => {
    const values = Array.from({ length: 1000 }, (_, i) => (i < 3 ? 0 : i > 996 ? 4095 : 1000 + i));
    expect(greyRange(image(values, 4095), 'percentile')).toEqual({ black: 1004, white: 1994 });
  });

  it('places the mean at a quarter and a standard deviation at an eighth for perImage', () => {
    const { black, white } = greyRange(image([100, 300], 255 * 16), 'perImage');
    expect([black, white]).toEqual([0, 800]);
    expect((200 - black) / (white - black)).toBe(0.25);
    expect((300 - black) / (white - black)).toBe(0.25 + 0.125);
  });

  it.each(['percentile', 'perImage'] as const)('is not empty for an image of one grey and %s', (normalize) => {
    const { black, white } = greyRange(image([7, 7, 7], 255), normalize);
    expect(white).toBeGreaterThan(black);
  });
});

describe('whiteOf', () => {
  it.each([
    [0, 255],
    [255, 255],
    [256, 1023],
    [4095, 4095],
    [5000, 16383],
    [65535, 65535],
  ])('of %i is %i', (largest, white) => {
    expect(whiteOf(largest)).toBe(white);
  });
});
