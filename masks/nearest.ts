import type { Fit } from './fit.ts';
import { checkSquareTarget } from './fit.ts';
import type { RleMask } from './rle-mask.ts';

/** The image pixel, along one axis, under the centre of square pixel `i`. */
function pixelUnder(i: number, scale: number, offset: number): number {
  return Math.floor((i + 0.5) * scale + offset);
}

/** The first square pixel whose centre is in image pixel `at` or after it. */
function firstFrom(at: number, scale: number, offset: number): number {
  let i = Math.ceil((at - offset) / scale - 0.5);
  // If a centre falls on a border, the division may round to either side.
  while (pixelUnder(i, scale, offset) < at) i++;
  while (pixelUnder(i - 1, scale, offset) >= at) i--;
  return i;
}

/**
 * Sets to 255, in one channel of `out` of shape `[size, size, channels]`, each square pixel whose centre is inside the mask. The mask is
 * sampled once per square pixel, at the image pixel under its centre (the right or lower image pixel if the centre is on a border). This
 * equals resizing a mask by nearest neighbour: whether thin parts survive depends on their position. Throws a MaskError if `out` or
 * `channel` does not fit.
 */
export function addNearest(mask: RleMask, fit: Fit, out: Uint8Array, channel: number, channels: number): void {
  const { size, scale, offsetX, offsetY } = fit;
  checkSquareTarget(size, out, channel, channels);
  const { bounds, width, height } = mask;
  let index = 0;
  for (let row = 0; row < size; row++) {
    const y = pixelUnder(row, scale, offsetY);
    if (y < 0 || y >= height) continue;
    const rowStart = y * width;
    // Only runs that end before this row can be skipped for the following rows: the next row of the square may sample the same image row.
    while (index < bounds.length && (bounds[index + 1] as number) <= rowStart) index += 2;
    for (let i = index; i < bounds.length && (bounds[i] as number) < rowStart + width; i += 2) {
      const start = Math.max(0, (bounds[i] as number) - rowStart);
      const end = Math.min(width, (bounds[i + 1] as number) - rowStart);
      const from = Math.max(0, firstFrom(start, scale, offsetX));
      const to = Math.min(size, firstFrom(end, scale, offsetX));
      for (let column = from; column < to; column++) out[(row * size + column) * channels + channel] = 255;
    }
  }
}
