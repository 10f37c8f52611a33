import { union } from './combine.ts';
import { largestComponent, type RowSegments, rowSegments, SegmentForest } from './components.ts';
import type { RleMask } from './rle-mask.ts';
import { RleBuilder } from './rle-mask.ts';

/**
 * Ways to clean a mask, from the one that changes least: nothing, only the largest component, holes filled, and only the largest component
 * with its holes filled.
 */
export const CLEANINGS = ['none', 'largest', 'fill', 'largest+fill'] as const;
export type Cleaning = (typeof CLEANINGS)[number];

/** The cleaned mask. Returns the same object if the cleaning changes nothing. */
export function cleaned(mask: RleMask, cleaning: Cleaning): RleMask {
  const kept = cleaning === 'largest' || cleaning === 'largest+fill' ? largestComponent(mask) : mask;
  return cleaning === 'fill' || cleaning === 'largest+fill' ? fillHoles(kept) : kept;
}

/** The mask cleaned in every way, in the order of CLEANINGS. Ways with the same result usually return the same object. */
export function cleanedEveryWay(mask: RleMask): [none: RleMask, largest: RleMask, fill: RleMask, largestAndFill: RleMask] {
  const largest = largestComponent(mask);
  const filled = fillHoles(mask);
  return [mask, largest, filled, largest === mask ? filled : fillHoles(largest)];
}

/**
 * The mask with its holes filled. A hole is a 4-connected part of the background that does not reach the image border (4-connected because
 * masks are 8-connected). A mask without holes is returned as the same object.
 *
 * Only gaps between two segments of one row can be holes, so only they are examined: the time depends on the number of gaps, runs and rows,
 * not on the number of pixels.
 */
export function fillHoles(mask: RleMask): RleMask {
  const { width, height } = mask;
  const segments = rowSegments(mask);
  const gaps = gapsBetween(segments, height);
  if (gaps.left.length === 0) return mask;
  const forest = new SegmentForest(gaps, 4);
  const open = new Uint8Array(gaps.left.length);
  for (let y = 0; y < height; y++) {
    for (let gap = gaps.first[y] as number; gap < (gaps.first[y + 1] as number); gap++) {
      const [from, to] = [gaps.left[gap] as number, gaps.right[gap] as number];
      if (reachesOut(segments, height, y - 1, from, to) || reachesOut(segments, height, y + 1, from, to)) open[forest.rootOf(gap)] = 1;
    }
  }
  const holes = new RleBuilder();
  for (let y = 0; y < height; y++) {
    for (let gap = gaps.first[y] as number; gap < (gaps.first[y + 1] as number); gap++) {
      if (open[forest.rootOf(gap)] === 0) holes.add(y * width + (gaps.left[gap] as number), y * width + (gaps.right[gap] as number));
    }
  }
  const filled = holes.finish(width, height);
  return filled.bounds.length === 0 ? mask : union(mask, filled);
}

/** The gaps between neighbouring segments of each row, in the form of segments. */
function gapsBetween({ first, left, right }: RowSegments, height: number): RowSegments {
  const firstGap = new Uint32Array(height + 1);
  let count = 0;
  for (let y = 0; y < height; y++) {
    firstGap[y] = count;
    count += Math.max(0, (first[y + 1] as number) - (first[y] as number) - 1);
  }
  firstGap[height] = count;
  const gaps = { first: firstGap, left: new Uint32Array(count), right: new Uint32Array(count) };
  if (count === 0) return gaps;
  let gap = 0;
  for (let y = 0; y < height; y++) {
    for (let s = (first[y] as number) + 1; s < (first[y + 1] as number); s++) {
      gaps.left[gap] = right[s - 1] as number;
      gaps.right[gap++] = left[s] as number;
    }
  }
  return gaps;
}

/**
 * Whether the background before the first segment or after the last segment of row y touches columns from … to − 1. Outside the image it
 * always does.
 */
function reachesOut({ first, left, right }: RowSegments, height: number, y: number, from: number, to: number): boolean {
  if (y < 0 || y >= height) return true;
  const [begin, end] = [first[y] as number, first[y + 1] as number];
  return begin === end || from < (left[begin] as number) || to > (right[end - 1] as number);
}
