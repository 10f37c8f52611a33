import { checkSameSize } from './mask-error.ts';
import type { RleMask } from './rle-mask.ts';
import { RleBuilder } from './rle-mask.ts';

/** The pixels in both masks. Throws a MaskError if the image sizes differ, like every function in this file. */
export function intersection(a: RleMask, b: RleMask): RleMask {
  return combine(a, b, 0b1000);
}

/** The pixels in at least one of the masks. */
export function union(a: RleMask, b: RleMask): RleMask {
  return combine(a, b, 0b1110);
}

/** The pixels of the first mask that are not in the second. */
export function difference(a: RleMask, b: RleMask): RleMask {
  return combine(a, b, 0b0010);
}

/** The pixels in exactly one of the masks. */
export function symmetricDifference(a: RleMask, b: RleMask): RleMask {
  return combine(a, b, 0b0110);
}

/** The number of pixels in both masks, without building their intersection. */
export function intersectionArea(a: RleMask, b: RleMask): number {
  checkSameSize(a, b);
  const [p, q] = [a.bounds, b.bounds];
  let [i, j, pixels] = [0, 0, 0];
  while (i < p.length && j < q.length) {
    const start = Math.max(p[i] as number, q[j] as number);
    const endA = p[i + 1] as number;
    const endB = q[j + 1] as number;
    const end = Math.min(endA, endB);
    if (end > start) pixels += end - start;
    if (endA <= endB) i += 2;
    if (endB <= endA) j += 2;
  }
  return pixels;
}

/**
 * One sweep over both lists of bounds. `table` has a bit for each of the four cases; its index is (in a) + 2 × (in b). Bit 0 (outside both)
 * must be 0, so that the rest of the image stays outside.
 */
function combine(a: RleMask, b: RleMask, table: number): RleMask {
  checkSameSize(a, b);
  const [p, q] = [a.bounds, b.bounds];
  const builder = new RleBuilder(Math.max(1, (p.length + q.length) >> 1));
  let [i, j, start, inside] = [0, 0, 0, 0];
  while (i < p.length || j < q.length) {
    const nextA = i < p.length ? (p[i] as number) : Number.POSITIVE_INFINITY;
    const nextB = j < q.length ? (q[j] as number) : Number.POSITIVE_INFINITY;
    const at = Math.min(nextA, nextB);
    if (nextA === at) i++;
    if (nextB === at) j++;
    // Bounds alternate between start and end, so an odd number of passed bounds means inside.
    const now = (table >> ((i & 1) + 2 * (j & 1))) & 1;
    if (now === inside) continue;
    if (now === 1) start = at;
    else builder.add(start, at);
    inside = now;
  }
  return builder.finish(a.width, a.height);
}
