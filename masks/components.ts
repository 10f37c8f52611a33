import { area } from './measure.ts';
import { type RowSegments, rowSegments } from './row-segments.ts';
import { emptyRuns, type Runs } from './runs.ts';
import { RunsBuilder } from './runs-builder.ts';

/**
 * The connected parts of a mask in the order of their first pixels. With connectivity 8 pixels that meet at a corner are connected, with
 * 4 only those that share a side. The parts share no pixel and their union is the mask.
 */
export function components(runs: Runs, connectivity: 4 | 8 = 8): Runs[] {
  const segments = rowSegments(runs);
  const parent = connect(segments, runs.height, connectivity === 8 ? 1 : 0);
  const builders = new Map<number, RunsBuilder>();
  for (let y = 0; y < runs.height; y++) {
    for (let s = segments.first[y] as number; s < (segments.first[y + 1] as number); s++) {
      const root = rootOf(parent, s);
      const builder = builders.get(root) ?? new RunsBuilder(16);
      builders.set(root, builder);
      builder.add(y * runs.width + (segments.left[s] as number), y * runs.width + (segments.right[s] as number));
    }
  }
  return [...builders.values()].map((builder) => builder.finish(runs.width, runs.height));
}

/** The part (by 8-connectivity) with the most pixels, the first of them if several are as large; empty for an empty mask. */
export function largestComponent(runs: Runs): Runs {
  let largest = emptyRuns(runs.width, runs.height);
  let pixels = 0;
  for (const part of components(runs)) {
    const partPixels = area(part);
    if (partPixels <= pixels) continue;
    largest = part;
    pixels = partPixels;
  }
  return largest;
}

/** Joins each segment with those of the row above that it meets, up to `reach` columns beyond its ends; gives the union-find forest. */
function connect(segments: RowSegments, height: number, reach: number): Uint32Array {
  const { first, left, right } = segments;
  const parent = Uint32Array.from(left, (_, s) => s);
  for (let y = 1; y < height; y++) {
    let above = first[y - 1] as number;
    let below = first[y] as number;
    const [aboveEnd, belowEnd] = [below, first[y + 1] as number];
    while (above < aboveEnd && below < belowEnd) {
      const meets =
        (left[above] as number) < (right[below] as number) + reach && (left[below] as number) < (right[above] as number) + reach;
      if (meets) join(parent, above, below);
      if ((right[above] as number) < (right[below] as number)) above++;
      else below++;
    }
  }
  return parent;
}

function join(parent: Uint32Array, a: number, b: number): void {
  const [rootA, rootB] = [rootOf(parent, a), rootOf(parent, b)];
  parent[Math.max(rootA, rootB)] = Math.min(rootA, rootB);
}

function rootOf(parent: Uint32Array, s: number): number {
  let node = s;
  while (parent[node] !== node) {
    const grandparent = parent[parent[node] as number] as number;
    parent[node] = grandparent;
    node = grandparent;
  }
  return node;
}
