import { symmetricDifference } from '@carpal/masks/combine.ts';
import type { RleMask } from '@carpal/masks/rle-mask.ts';
import { RleBuilder } from '@carpal/masks/rle-mask.ts';

/**
 * The mask with rows and columns exchanged: the row-major runs of the result are the column-major runs of the mask. The time depends on the
 * number of runs in both directions, not on the number of pixels.
 */
export function transpose(mask: RleMask): RleMask {
  const { width, height } = mask;
  const { first, rows } = columnBounds(mask);
  const transposed = new RleBuilder(Math.max(1, rows.length >> 1));
  for (let x = 0; x < width; x++) {
    const end = first[x + 1] as number;
    for (let i = first[x] as number; i < end; i += 2)
      transposed.add(x * height + (rows[i] as number), x * height + (rows[i + 1] as number));
  }
  return transposed.finish(height, width);
}

/** For each column x, rows[first[x]] to rows[first[x + 1] − 1] are the rows where runs down the column start, end, start, end, … */
function columnBounds(mask: RleMask): { first: Uint32Array; rows: Uint32Array } {
  const { width } = mask;
  const changes = changesDown(mask);
  const first = new Uint32Array(width + 1);
  for (let i = 0; i < changes.bounds.length; i += 2) {
    let x = (changes.bounds[i] as number) % width;
    for (let pixel = changes.bounds[i] as number; pixel < (changes.bounds[i + 1] as number); pixel++) {
      first[x + 1] = (first[x + 1] as number) + 1;
      if (++x === width) x = 0;
    }
  }
  for (let x = 0; x < width; x++) first[x + 1] = (first[x + 1] as number) + (first[x] as number);
  const rows = new Uint32Array(first[width] as number);
  const place = first.slice();
  for (let i = 0; i < changes.bounds.length; i += 2) {
    let x = (changes.bounds[i] as number) % width;
    let y = Math.floor((changes.bounds[i] as number) / width);
    for (let pixel = changes.bounds[i] as number; pixel < (changes.bounds[i + 1] as number); pixel++) {
      const at = place[x] as number;
      rows[at] = y;
      place[x] = at + 1;
      if (++x === width) [x, y] = [0, y + 1];
    }
  }
  return { first, rows };
}

/**
 * The pixels that differ from the pixel above them, in an image with one more row, so that a run that reaches the last row ends below it.
 */
function changesDown(mask: RleMask): RleMask {
  const { bounds, width } = mask;
  const height = mask.height + 1;
  return symmetricDifference({ width, height, bounds }, { width, height, bounds: bounds.map((bound) => bound + width) });
}
