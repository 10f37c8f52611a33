import { RleBuilder, type RleMask } from '@carpal/masks/rle-mask.ts';

/** Pixels per probability bin, and how many of them belong to the true mask. */
export type Histogram = { readonly pixels: Uint32Array; readonly truePixels: Uint32Array };

/**
 * The probability bins of one class at the size of an image: stretches of pixels, in order. Pixels outside all stretches have bin 0. A mask
 * at any cut is the mask of logitsToMask at that threshold, pixel for pixel.
 */
export class PixelBins {
  readonly #width: number;
  readonly #height: number;
  #starts = new Uint32Array(1024);
  #bins = new Uint16Array(65_536);
  /** Of stretches. */
  #count = 0;
  /** Of pixels in them. */
  #length = 0;
  /** Where the bins of each stretch begin. */
  #places = new Uint32Array(1024);

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
  }

  clear(): void {
    this.#count = 0;
    this.#length = 0;
  }

  /** Adds a stretch that begins at pixel `start`, after the last one. Returns where to write its `length` bins in `bins`. */
  addStretch(start: number, length: number): number {
    if (this.#count === this.#starts.length) {
      this.#starts = grown(this.#starts, this.#count * 2, Uint32Array);
      this.#places = grown(this.#places, this.#count * 2, Uint32Array);
    }
    if (this.#length + length > this.#bins.length) this.#bins = grown(this.#bins, (this.#length + length) * 2, Uint16Array);
    const place = this.#length;
    this.#starts[this.#count] = start;
    this.#places[this.#count] = place;
    this.#count += 1;
    this.#length += length;
    return place;
  }

  get bins(): Uint16Array {
    return this.#bins;
  }

  #endOf(stretch: number): number {
    return stretch + 1 < this.#count ? (this.#places[stretch + 1] as number) : this.#length;
  }

  /** The pixels of each bin. The truth has the size of the image. */
  histogram(truth: RleMask, binCount: number): Histogram {
    const pixels = new Uint32Array(binCount);
    const truePixels = new Uint32Array(binCount);
    const { bounds } = truth;
    let run = 0;
    let trueTotal = 0;
    for (let i = 0; i < bounds.length; i += 2) trueTotal += (bounds[i + 1] as number) - (bounds[i] as number);
    let trueSeen = 0;
    for (let stretch = 0; stretch < this.#count; stretch++) {
      const start = this.#starts[stretch] as number;
      const place = this.#places[stretch] as number;
      const end = this.#endOf(stretch);
      for (let at = place; at < end; at++) {
        const bin = this.#bins[at] as number;
        pixels[bin] = (pixels[bin] as number) + 1;
      }
      const last = start + end - place;
      while (run < bounds.length && (bounds[run + 1] as number) <= start) run += 2;
      for (let i = run; i < bounds.length && (bounds[i] as number) < last; i += 2) {
        const from = Math.max(bounds[i] as number, start) - start + place;
        const to = Math.min(bounds[i + 1] as number, last) - start + place;
        for (let at = from; at < to; at++) {
          const bin = this.#bins[at] as number;
          truePixels[bin] = (truePixels[bin] as number) + 1;
        }
        trueSeen += to - from;
      }
    }
    pixels[0] = (pixels[0] as number) + this.#width * this.#height - this.#length;
    truePixels[0] = (truePixels[0] as number) + trueTotal - trueSeen;
    return { pixels, truePixels };
  }

  /** The mask of the pixels above the cut with this index. */
  maskAbove(cut: number): RleMask {
    const builder = new RleBuilder();
    const bins = this.#bins;
    for (let stretch = 0; stretch < this.#count; stretch++) {
      const place = this.#places[stretch] as number;
      const shift = (this.#starts[stretch] as number) - place;
      const end = this.#endOf(stretch);
      for (let at = place; at < end; ) {
        while (at < end && (bins[at] as number) <= cut) at++;
        if (at === end) break;
        const from = at;
        while (at < end && (bins[at] as number) > cut) at++;
        builder.add(from + shift, at + shift);
      }
    }
    return builder.finish(this.#width, this.#height);
  }
}

function grown<T extends Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(old: T, length: number, make: new (length: number) => T): T {
  const larger = new make(length);
  larger.set(old);
  return larger;
}
