import type { Crop, Fit } from '@carpal/masks/fit.ts';
import { type DrawnAugmentation, movementsFirst, type Pass, UNIT_LEVELS } from './augmentations.ts';
import { addNoise, blurImage, equalizeTiles } from './pixel-filters.ts';
import { lookUp, warpCrop, warpImage, warpScratch } from './warp-image.ts';
import { planCrop, scratchLength } from './warp-plan.ts';

/** Reads rows of a prepared image, from `top` to `bottom`, which is not included. */
export type ReadRows = (top: number, bottom: number) => Uint8Array;

/** Makes images of `size` × `size` pixels for the network, with buffers that are reused for all images. */
export class ImageAugmenter {
  readonly #size: number;
  #framed: Float32Array;
  readonly #bytes: Uint8Array;

  constructor(size: number) {
    this.#size = size;
    this.#framed = warpScratch(size);
    this.#bytes = new Uint8Array(size * size);
  }

  /** Writes the prepared image `pixels` after all passes to `out`, in 0..1. `fit` is the position of the radiograph in the square. */
  run(pixels: Uint8Array, fit: Fit, passes: readonly Pass[], out: Float32Array): void {
    this.#runPasses(pixels, fit, passes, out);
  }

  /**
   * Writes a crop of a larger prepared image to `out`, in 0..1. All movements come first and are sampled directly into the crop; every other
   * pass then sees the crop only. Reads only the rows that the crop shows.
   */
  runCrop(readRows: ReadRows, fit: Fit, drawn: Pick<DrawnAugmentation, 'passes' | 'warp'>, crop: Crop, out: Float32Array): void {
    const [{ warp, levels }, ...passes] = movementsFirst(drawn);
    const plan = planCrop(fit, warp, crop);
    if (this.#framed.length < scratchLength(plan)) this.#framed = new Float32Array(scratchLength(plan));
    warpCrop(readRows(plan.source.top, plan.source.bottom), plan, levels, this.#framed, out);
    this.#runPasses(out, fit, passes, out);
  }

  #runPasses(pixels: Uint8Array | Float32Array, fit: Fit, passes: readonly Pass[], out: Float32Array): void {
    let image = pixels;
    for (const pass of passes) image = this.#pass(pass, image, fit, out);
    if (image instanceof Uint8Array) lookUp(image, 0, out.length, UNIT_LEVELS, out, 0);
  }

  /** Applies one pass. Returns `out` with values in 0..1, or the image as bytes after a pass that gives bytes. */
  #pass(pass: Pass, image: Uint8Array | Float32Array, fit: Fit, out: Float32Array): Uint8Array | Float32Array {
    if (pass.kind === 'clahe') {
      equalizeTiles(image instanceof Uint8Array ? image : this.#toBytes(image), { ...pass, size: this.#size }, this.#bytes);
      return this.#bytes;
    }
    if (pass.kind === 'sample') {
      const { levels, warp } = pass;
      if (warp.length === 0) lookUp(image, 0, out.length, levels, out, 0);
      else warpImage(image, { fit, warp, levels, scratch: this.#framed }, out);
      return out;
    }
    if (image instanceof Uint8Array) lookUp(image, 0, out.length, UNIT_LEVELS, out, 0);
    if (pass.kind === 'blur') blurImage(out, this.#size, pass.sigma, this.#framed);
    else addNoise(out, 0, out.length, pass.sigma, pass.random);
    return out;
  }

  #toBytes(image: Float32Array): Uint8Array {
    for (let i = 0; i < image.length; i++) this.#bytes[i] = (image[i] as number) * 255 + 0.5;
    return this.#bytes;
  }
}
