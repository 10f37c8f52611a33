import type { Affine } from '@carpal/masks/warp.ts';

/** What is answered for a pixel that no view shows: no bone. */
const UNSEEN = -10;

/**
 * The mean of several views' logits on one grid. A view has a say only in the pixels that it shows, so what a turned image leaves out is
 * the mean of the others. Holds one map of [size, size, classes].
 */
export class LogitSum {
  readonly #size: number;
  readonly #classes: number;
  readonly #sums: Float32Array;
  readonly #votes: Uint16Array;

  constructor(size: number, classes: number) {
    this.#size = size;
    this.#classes = classes;
    this.#sums = new Float32Array(size * size * classes);
    this.#votes = new Uint16Array(size * size);
  }

  /**
   * Adds a view's logits, [viewSize, viewSize, classes], where `toView` says that each pixel of the grid lies in them: bilinear between
   * pixel centres, held constant in the outer half of the outermost pixels. A pixel that falls on a pixel takes its logits as they are.
   */
  add(logits: Float32Array, viewSize: number, toView: Affine): void {
    const [a, b, c, d, e, f] = toView;
    const size = this.#size;
    const last = viewSize - 1;
    for (let y = 0, pixel = 0; y < size; y++) {
      for (let x = 0; x < size; x++, pixel++) {
        const u = a * x + b * y + c;
        const v = d * x + e * y + f;
        if (u < -EDGE || v < -EDGE || u > last + EDGE || v > last + EDGE) continue;
        this.#addPixel(pixel, logits, viewSize, Math.min(Math.max(u, 0), last), Math.min(Math.max(v, 0), last));
      }
    }
  }

  #addPixel(pixel: number, logits: Float32Array, viewSize: number, u: number, v: number): void {
    const classes = this.#classes;
    const sums = this.#sums;
    const left = Math.floor(u);
    const top = Math.floor(v);
    const across = u - left;
    const down = v - top;
    this.#votes[pixel] = (this.#votes[pixel] as number) + 1;
    const to = pixel * classes;
    const p = (top * viewSize + left) * classes;
    if (across === 0 && down === 0) {
      for (let k = 0; k < classes; k++) sums[to + k] = (sums[to + k] as number) + (logits[p + k] as number);
      return;
    }
    // A neighbour beyond the edge would be asked for with the share 0.
    const q = across === 0 ? p : p + classes;
    const below = down === 0 ? 0 : viewSize * classes;
    const shareQ = across * (1 - down);
    const shareR = (1 - across) * down;
    const shareS = across * down;
    const shareP = (1 - across) * (1 - down);
    for (let k = 0; k < classes; k++) {
      sums[to + k] =
        (sums[to + k] as number) +
        (shareP * (logits[p + k] as number) + shareQ * (logits[q + k] as number)) +
        (shareR * (logits[p + below + k] as number) + shareS * (logits[q + below + k] as number));
    }
  }

  /** The means; the memory is the sum's own, which is not to be added to any more. */
  mean(): Float32Array {
    const classes = this.#classes;
    const sums = this.#sums;
    for (let pixel = 0, at = 0; pixel < this.#votes.length; pixel++, at += classes) {
      const votes = this.#votes[pixel] as number;
      if (votes === 1) continue;
      if (votes === 0) sums.fill(UNSEEN, at, at + classes);
      else for (let k = 0; k < classes; k++) sums[at + k] = (sums[at + k] as number) / votes;
    }
    return sums;
  }
}

/** How far a pixel reaches beyond its centre, with room for rounding: a picture shows what lies within its pixels. */
const EDGE = 0.5 + 1e-9;
