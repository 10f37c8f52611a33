import type { RleMask } from './rle-mask.ts';
import { RleBuilder } from './rle-mask.ts';

/**
 * The connected parts of a mask, in the order of their first pixels. With connectivity 8, pixels that touch at a corner are connected; with
 * 4, only those that share a side. The parts are disjoint, and their union is the mask.
 */
export function components(mask: RleMask, connectivity: 4 | 8 = 8): RleMask[] {
  const segments = rowSegments(mask);
  const forest = new SegmentForest(segments, connectivity);
  const builders = new Map<number, RleBuilder>();
  eachSegment(segments, mask, (s, start, end) => {
    const root = forest.rootOf(s);
    const builder = builders.get(root) ?? new RleBuilder(16);
    builders.set(root, builder);
    builder.add(start, end);
  });
  return [...builders.values()].map((builder) => builder.finish(mask.width, mask.height));
}

/**
 * The 8-connected part with the most pixels; the first one if several are equally large; an empty mask for an empty mask. A mask with one
 * part is returned as the same object. Builds only the largest part, regardless of the number of parts.
 */
export function largestComponent(mask: RleMask): RleMask {
  const segments = rowSegments(mask);
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
  if (parts < 2) return mask;
  for (let s = 1; s < left.length; s++) if ((pixels[s] as number) > (pixels[largest] as number)) largest = s;
  const builder = new RleBuilder();
  eachSegment(segments, mask, (s, start, end) => {
    if (forest.rootOf(s) === largest) builder.add(start, end);
  });
  return builder.finish(mask.width, mask.height);
}

/** Calls `visit` with each segment and its pixels start … end − 1, in order. */
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

/**
 * The runs of a mask, cut at the ends of rows: segment s covers columns left[s] … right[s] − 1, and row y has the segments first[y] …
 * first[y + 1] − 1, from left to right.
 */
export type RowSegments = { readonly first: Uint32Array; readonly left: Uint32Array; readonly right: Uint32Array };

/** Cuts the runs of a mask into segments of single rows. */
export function rowSegments(mask: RleMask): RowSegments {
  const { bounds, width, height } = mask;
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

/**
 * The connected segments of a mask as a union-find forest, in which the root of each connected part is its first segment. With connectivity
 * 8, segments of neighbouring rows that touch at a corner are connected; with 4, only those that share a side.
 */
export class SegmentForest {
  private readonly parent: Uint32Array;

  constructor({ first, left, right }: RowSegments, connectivity: 4 | 8) {
    const reach = connectivity === 8 ? 1 : 0;
    this.parent = Uint32Array.from(left, (_, s) => s);
    for (let y = 1; y + 1 < first.length; y++) {
      let above = first[y - 1] as number;
      let below = first[y] as number;
      const [aboveEnd, belowEnd] = [below, first[y + 1] as number];
      while (above < aboveEnd && below < belowEnd) {
        const meets =
          (left[above] as number) < (right[below] as number) + reach && (left[below] as number) < (right[above] as number) + reach;
        if (meets) this.join(above, below);
        if ((right[above] as number) < (right[below] as number)) above++;
        else below++;
      }
    }
  }

  /** The first segment of the part that contains segment s. */
  rootOf(s: number): number {
    const { parent } = this;
    let node = s;
    while (parent[node] !== node) {
      const grandparent = parent[parent[node] as number] as number;
      parent[node] = grandparent;
      node = grandparent;
    }
    return node;
  }

  private join(a: number, b: number): void {
    const [rootA, rootB] = [this.rootOf(a), this.rootOf(b)];
    this.parent[Math.max(rootA, rootB)] = Math.min(rootA, rootB);
  }
}
