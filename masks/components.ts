import { RleBuilder } from './rle-builder.ts';
import type { RleMask } from './rle-mask.ts';
import { type RowSegments, rowSegments } from './row-segments.ts';
import { SegmentForest } from './segment-forest.ts';

/**
 * The connected parts of a mask in the order of their first pixels. With connectivity 8 pixels that meet at a corner are connected, with
 * 4 only those that share a side. The parts share no pixel and their union is the mask.
 */
export function components(runs: RleMask, connectivity: 4 | 8 = 8): RleMask[] {
  const segments = rowSegments(runs);
  const forest = new SegmentForest(segments, connectivity);
  const builders = new Map<number, RleBuilder>();
  eachSegment(segments, runs, (s, start, end) => {
    const root = forest.rootOf(s);
    const builder = builders.get(root) ?? new RleBuilder(16);
    builders.set(root, builder);
    builder.add(start, end);
  });
  return [...builders.values()].map((builder) => builder.finish(runs.width, runs.height));
}

/**
 * The part (by 8-connectivity) with the most pixels, the first of them if several are as large; empty for an empty mask. A mask of one
 * part comes back as the same object. However many parts there are, only the largest is built.
 */
export function largestComponent(runs: RleMask): RleMask {
  const segments = rowSegments(runs);
  const { left, right } = segments;
  const forest = new SegmentForest(segments, 8);
  const pixels = new Float64Array(left.length);
  let largest = 0;
  let parts = 0;
  for (let s = 0; s < left.length; s++) {
    const root = forest.rootOf(s);
    if (root === s) parts++;
    pixels[root] = (pixels[root] as number) + (right[s] as number) - (left[s] as number);
  }
  if (parts < 2) return runs;
  for (let s = 1; s < left.length; s++) if ((pixels[s] as number) > (pixels[largest] as number)) largest = s;
  const builder = new RleBuilder();
  eachSegment(segments, runs, (s, start, end) => {
    if (forest.rootOf(s) === largest) builder.add(start, end);
  });
  return builder.finish(runs.width, runs.height);
}

/** Calls `visit` with each segment and its pixels start … end − 1, in their order. */
function eachSegment(
  { first, left, right }: RowSegments,
  { width, height }: RleMask,
  visit: (s: number, start: number, end: number) => void,
): void {
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let s = first[y] as number; s < (first[y + 1] as number); s++) visit(s, row + (left[s] as number), row + (right[s] as number));
  }
}
