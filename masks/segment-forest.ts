import type { RowSegments } from './row-segments.ts';

/**
 * Which segments hang together: a union-find forest over the segments of a mask, in which the root of each connected part is its first
 * segment. With connectivity 8 segments of neighbouring rows that meet at a corner are connected, with 4 only those that share a side.
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

  /** The first segment of the part that segment s belongs to. */
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
