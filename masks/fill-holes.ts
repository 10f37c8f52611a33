import { union } from './combine.ts';
import { rowSegments } from './row-segments.ts';
import type { Runs } from './runs.ts';
import { RunsBuilder } from './runs-builder.ts';
import { SegmentForest } from './segment-forest.ts';

/**
 * The mask with its holes filled. A hole is a part of the background, connected by sides (the counterpart of a mask connected by sides and
 * corners), that does not reach the sheet's border. A mask without holes comes back as the same object. Works on runs: the time grows
 * with their number and that of the rows, not with the pixels.
 */
export function fillHoles(runs: Runs): Runs {
  const { width, height } = runs;
  const segments = rowSegments(background(runs));
  const { first, left, right } = segments;
  const forest = new SegmentForest(segments, 4);
  const open = new Uint8Array(left.length);
  for (let y = 0; y < height; y++) {
    const edgeRow = y === 0 || y === height - 1;
    for (let s = first[y] as number; s < (first[y + 1] as number); s++) {
      if (edgeRow || left[s] === 0 || right[s] === width) open[forest.rootOf(s)] = 1;
    }
  }
  const holes = new RunsBuilder();
  for (let y = 0; y < height; y++) {
    for (let s = first[y] as number; s < (first[y + 1] as number); s++) {
      if (open[forest.rootOf(s)] === 0) holes.add(y * width + (left[s] as number), y * width + (right[s] as number));
    }
  }
  const filled = holes.finish(width, height);
  return filled.bounds.length === 0 ? runs : union(runs, filled);
}

/** The pixels that are not in the mask. */
function background({ width, height, bounds }: Runs): Runs {
  const outside = new RunsBuilder((bounds.length >> 1) + 1);
  let end = 0;
  for (let i = 0; i < bounds.length; i += 2) {
    if ((bounds[i] as number) > end) outside.add(end, bounds[i] as number);
    end = bounds[i + 1] as number;
  }
  if (end < width * height) outside.add(end, width * height);
  return outside.finish(width, height);
}
