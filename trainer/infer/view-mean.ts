import type { Affine } from '@carpal/masks/warp.ts';

/** Up to here a logit counts in full in a mean: 4 is a probability of 98 %. */
const SURE = 4;
/** Logit of a pixel that no view shows: no bone. */
const UNSEEN = -10;
/** Half a pixel, with room for rounding: a view covers the area of its pixels, not only their centres. */
const EDGE = 0.5 + 1e-9;

/**
 * Damps logits in place, before they are averaged with others: unchanged up to ±4, beyond that only the logarithm grows. So one network or
 * view that is wrong and very sure does not outvote several that are right.
 */
export function damp(logits: Float32Array): void {
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    if (logit > SURE) logits[i] = SURE + Math.log1p(logit - SURE);
    else if (logit < -SURE) logits[i] = -SURE - Math.log1p(-SURE - logit);
  }
}

/**
 * The weighted mean of the damped logits of several views and networks on one grid. With {@link damp} it is the one rule by which networks,
 * views and windows are combined (docs/adr/0014-one-way-to-average.md). A view counts only for the pixels that it shows, so a pixel that a
 * rotated view cuts off is the mean of the other views. Holds one map `[size, size, classes]`.
 */
export class ViewMean {
  readonly #size: number;
  readonly #classes: number;
  readonly #sums: Float32Array;
  readonly #weights: Float32Array;

  constructor(size: number, classes: number) {
    this.#size = size;
    this.#classes = classes;
    this.#sums = new Float32Array(size * size * classes);
    this.#weights = new Float32Array(size * size);
  }

  /**
   * Adds a view's logits `[viewSize, viewSize, classes]`. `toView` maps pixels of the grid to the view. Values are bilinear between pixel
   * centres and constant in the outer half of border pixels. A grid pixel that falls exactly on a view pixel gets its logits unchanged.
   */
  add(logits: Float32Array, viewSize: number, toView: Affine, weight: number): void {
    const [a, b, c, d, e, f] = toView;
    const size = this.#size;
    const last = viewSize - 1;
    for (let y = 0, pixel = 0; y < size; y++) {
      for (let x = 0; x < size; x++, pixel++) {
        const u = a * x + b * y + c;
        const v = d * x + e * y + f;
        if (u < -EDGE || v < -EDGE || u > last + EDGE || v > last + EDGE) continue;
        this.#weights[pixel] = (this.#weights[pixel] as number) + weight;
        this.#addPixel(pixel, logits, viewSize, Math.min(Math.max(u, 0), last), Math.min(Math.max(v, 0), last), weight);
      }
    }
  }

  #addPixel(pixel: number, logits: Float32Array, viewSize: number, u: number, v: number, weight: number): void {
    const classes = this.#classes;
    const sums = this.#sums;
    const left = Math.floor(u);
    const top = Math.floor(v);
    const across = u - left;
    const down = v - top;
    const to = pixel * classes;
    const p = (top * viewSize + left) * classes;
    if (across === 0 && down === 0) {
      for (let k = 0; k < classes; k++) sums[to + k] = (sums[to + k] as number) + weight * (logits[p + k] as number);
      return;
    }
    // A neighbour beyond the border would have the weight 0, so the pixel itself is read instead.
    const q = across === 0 ? p : p + classes;
    const below = down === 0 ? 0 : viewSize * classes;
    const shareQ = weight * across * (1 - down);
    const shareR = weight * (1 - across) * down;
    const shareS = weight * across * down;
    const shareP = weight * (1 - across) * (1 - down);
    for (let k = 0; k < classes; k++) {
      sums[to + k] =
        (sums[to + k] as number) +
        (shareP * (logits[p + k] as number) + shareQ * (logits[q + k] as number)) +
        (shareR * (logits[p + below + k] as number) + shareS * (logits[q + below + k] as number));
    }
  }

  /** The means. Returns the sum's own array, so nothing may be added afterwards. */
  logits(): Float32Array {
    const classes = this.#classes;
    const sums = this.#sums;
    for (let pixel = 0, at = 0; pixel < this.#weights.length; pixel++, at += classes) {
      const weight = this.#weights[pixel] as number;
      if (weight === 1) continue;
      if (weight === 0) sums.fill(UNSEEN, at, at + classes);
      else for (let k = 0; k < classes; k++) sums[at + k] = (sums[at + k] as number) / weight;
    }
    return sums;
  }
}
