import type { Bitmap } from './arbitrary-masks.ts';

/** The neighbours of a pixel inside the image. */
function neighbours(pixel: number, { width, height }: Bitmap, connectivity: 4 | 8): number[] {
  const [x, y] = [pixel % width, Math.floor(pixel / width)];
  return [-1, 0, 1]
    .flatMap((v) => [-1, 0, 1].map((u) => [u, v] as const))
    .filter(([u, v]) => (connectivity === 8 || u === 0 || v === 0) && x + u >= 0 && x + u < width && y + v >= 0 && y + v < height)
    .map(([u, v]) => pixel + v * width + u);
}

/**
 * The connected parts of a bitmap, found by flood fill: the pixel numbers of each part in ascending order, parts in the order of their
 * first pixels.
 */
export function flooded(bitmap: Bitmap, connectivity: 4 | 8): number[][] {
  const pixels = bitmap.pixels.slice();
  const parts: number[][] = [];
  for (let seed = 0; seed < pixels.length; seed++) {
    if (pixels[seed] === 0) continue;
    const part = new Set([seed]);
    // A loop over a set also visits elements that are added during the loop.
    for (const pixel of part) for (const next of neighbours(pixel, bitmap, connectivity)) if (pixels[next] === 1) part.add(next);
    for (const pixel of part) pixels[pixel] = 0;
    parts.push([...part].sort((a, b) => a - b));
  }
  return parts;
}

/**
 * The bitmap with its holes filled: every part of the background that does not touch the border becomes 1. The parts are found by flood
 * fill.
 */
export function floodFilled(bitmap: Bitmap): Uint8Array {
  const { width, height, pixels } = bitmap;
  const atBorder = (pixel: number): boolean => {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    return x === 0 || y === 0 || x === width - 1 || y === height - 1;
  };
  const filled = pixels.slice();
  for (const part of flooded({ width, height, pixels: pixels.map((value) => 1 - value) }, 4)) {
    if (!part.some(atBorder)) for (const pixel of part) filled[pixel] = 1;
  }
  return filled;
}
