import type { RleMask } from './rle-mask.ts';

/**
 * A mask's runs cut at the ends of the rows: segment s covers columns left[s] … right[s] − 1, and row y has the segments first[y] …
 * first[y + 1] − 1, from left to right.
 */
export type RowSegments = { readonly first: Uint32Array; readonly left: Uint32Array; readonly right: Uint32Array };

/** Cuts the runs into segments of single rows. */
export function rowSegments(runs: RleMask): RowSegments {
  const { bounds, width, height } = runs;
  let count = 0;
  for (let i = 0; i < bounds.length; i += 2) {
    count += Math.floor(((bounds[i + 1] as number) - 1) / width) - Math.floor((bounds[i] as number) / width) + 1;
  }
  const first = new Uint32Array(height + 1);
  const left = new Uint32Array(count);
  const right = new Uint32Array(count);
  let segment = 0;
  let index = 0;
  for (let y = 0; y < height; y++) {
    first[y] = segment;
    const rowStart = y * width;
    const rowEnd = rowStart + width;
    while (index < bounds.length && (bounds[index] as number) < rowEnd) {
      const end = bounds[index + 1] as number;
      left[segment] = Math.max(bounds[index] as number, rowStart) - rowStart;
      right[segment++] = Math.min(end, rowEnd) - rowStart;
      if (end > rowEnd) break;
      index += 2;
    }
  }
  first[height] = segment;
  return { first, left, right };
}
