import type { Fit } from '@carpal/masks/fit.ts';

/** For each image pixel along one axis: the lower of its two neighbouring grid points, and the distance from it (0 to 1). */
export type Axis = { readonly lower: Uint16Array; readonly fraction: Float64Array };

/** The grid points around each of `length` image pixels: half-pixel centres, clamped at the border of the square. */
export function axisOf(length: number, offset: number, fit: Fit): Axis {
  const lower = new Uint16Array(length);
  const fraction = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const at = Math.min(Math.max((i + 0.5 - offset) / fit.scale - 0.5, 0), fit.size - 1);
    const floor = Math.min(Math.floor(at), Math.max(fit.size - 2, 0));
    lower[i] = floor;
    fraction[i] = at - floor;
  }
  return { lower, fraction };
}

/** The first image pixel of each cell, the space between two grid points. One more entry marks the end of the last cell. */
export function firstPixelOfCells({ lower }: Axis, size: number): Uint32Array {
  const { length } = lower;
  const start = new Uint32Array(Math.max(size - 1, 1) + 1).fill(length);
  for (let x = length - 1; x >= 0; x--) start[lower[x] as number] = x;
  for (let cell = start.length - 2; cell >= 0; cell--) start[cell] = Math.min(start[cell] as number, start[cell + 1] as number);
  return start;
}

/** The value between the corners a and b, and c and d below them. */
export function between(a: number, b: number, c: number, d: number, across: number, down: number): number {
  const left = a + (c - a) * down;
  return left + (b + (d - b) * down - left) * across;
}
