import { describe, expect, it } from 'vitest';
import { squareFit } from './fit.ts';

describe('squareFit', () => {
  it.each([
    ['fills the square with a square image', 2048, 2048, 512, { size: 512, scale: 4, offsetX: 0, offsetY: 0 }],
    ['leaves a margin left and right of a tall image', 592, 910, 455, { size: 455, scale: 2, offsetX: -159, offsetY: 0 }],
    ['leaves a margin above and below a wide image', 4, 2, 8, { size: 8, scale: 0.5, offsetX: 0, offsetY: -1 }],
  ])('%s', (_, width, height, size, expected) => {
    expect(squareFit(width, height, size)).toEqual(expected);
  });
});
