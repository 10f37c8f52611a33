import type { Predictor } from '../step/step.ts';
import type { Pause } from './pause.ts';
import { damp } from './view-mean.ts';

/** Windows of size² with a stride, cut from the image after it was fitted to the square that the network was trained with. */
export type WindowSpec = {
  readonly size: number;
  readonly stride: number;
  readonly weights: 'uniform' | 'gaussian';
  /** The side of that square, if the caller relies on it: checkWindow refuses a network with another one. */
  readonly sheetSize?: number | undefined;
};

/** Standard deviation of the Gaussian weights, relative to the window's side. */
const SIGMA = 1 / 8;
/** Smallest weight along an axis. */
const FLOOR = 1e-3;
/** Most images per network run. With half-overlapping windows on an image of twice the window's side, this is one row. */
const MAX_IMAGES = 3;
/** Most pixels per network run. One large image already uses the whole machine, and the outputs of several would fill the memory. */
const MAX_PIXELS = 3 * 512 * 512;

/** How many images or windows of this side a network processes in one run. */
export function imagesPerRun(side: number): number {
  return Math.max(1, Math.min(MAX_IMAGES, Math.floor(MAX_PIXELS / side ** 2)));
}

/** Start positions of windows of `size` along a side: every multiple of the stride. The last window ends at the border. */
export function windowStarts(side: number, size: number, stride: number): number[] {
  const starts: number[] = [];
  for (let start = 0; start + size < side; start += stride) starts.push(start);
  return [...starts, side - size];
}

/**
 * The weight of each pixel of each window along one side. The weights of all windows that cover a pixel sum to 1. `gaussian` is the
 * Gaussian that nnU-Net and MONAI use (sigma is an eighth of the window). It never falls below a thousandth of its peak, so every pixel has
 * a weight. In two dimensions, the weight of a pixel is the product of the weights along both sides.
 */
export function windowShares(starts: readonly number[], side: number, size: number, weights: WindowSpec['weights']): Float64Array[] {
  const bell = Float64Array.from({ length: size }, (_, i) => {
    const distance = (i - (size - 1) / 2) / (SIGMA * size);
    return weights === 'uniform' ? 1 : Math.max(FLOOR, Math.exp(-0.5 * distance * distance));
  });
  const total = new Float64Array(side);
  for (const start of starts) for (let i = 0; i < size; i++) total[start + i] = (total[start + i] as number) + (bell[i] as number);
  return starts.map((start) => bell.map((weight, i) => weight / (total[start + i] as number)));
}

/**
 * Logits `[side, side, classes]` of an image that is larger than the network's input. The network sees a few windows per run, unscaled, and
 * their damped logits are averaged by weight. Holds one logit map of the image and the network's output for a few windows. Pauses after each
 * run, and throws what the pause throws.
 */
export async function windowLogits(
  predictor: Predictor,
  image: Float32Array,
  side: number,
  window: WindowSpec,
  classes: number,
  pause: Pause,
): Promise<Float32Array> {
  const { size } = window;
  const mean = new WindowMean(side, window, classes);
  const { places } = mean;
  const pixels = size * size;
  const perRun = imagesPerRun(size);
  for (let from = 0; from < places.length; from += perRun) {
    const batch = places.slice(from, from + perRun);
    const images = new Float32Array(batch.length * pixels);
    for (const [index, { top, left }] of batch.entries()) {
      for (let y = 0; y < size; y++) {
        const start = (top + y) * side + left;
        images.set(image.subarray(start, start + size), index * pixels + y * size);
      }
    }
    const output = predictor.run(images, batch.length, size);
    await pause();
    for (const index of batch.keys()) mean.add(from + index, output.subarray(index * pixels * classes, (index + 1) * pixels * classes));
  }
  return mean.logits;
}

/** A window's upper left pixel. */
export type WindowPlace = { readonly top: number; readonly left: number };

/** The weighted mean of the damped logits of all windows of one image (see damp). */
export class WindowMean {
  /** All windows, row by row. */
  readonly places: readonly WindowPlace[];
  /** `[side, side, classes]`: the mean once every window has been added. */
  readonly logits: Float32Array;
  readonly #side: number;
  readonly #size: number;
  readonly #classes: number;
  readonly #shares: readonly Float64Array[];

  constructor(side: number, { size, stride, weights }: WindowSpec, classes: number) {
    const starts = windowStarts(side, size, stride);
    this.places = starts.flatMap((top) => starts.map((left) => ({ top, left })));
    this.logits = new Float32Array(side * side * classes);
    this.#side = side;
    this.#size = size;
    this.#classes = classes;
    this.#shares = windowShares(starts, side, size, weights);
  }

  /** Begins another image. */
  clear(): void {
    this.logits.fill(0);
  }

  /** Adds the logits `[size, size, classes]` of the window at an index of `places`. Damps them in place. */
  add(index: number, logits: Float32Array): void {
    damp(logits);
    const { top, left } = this.places[index] as WindowPlace;
    const perRow = this.#shares.length;
    const down = this.#shares[Math.floor(index / perRow)] as Float64Array;
    const across = this.#shares[index % perRow] as Float64Array;
    const [size, classes, mean] = [this.#size, this.#classes, this.logits];
    for (let y = 0, from = 0; y < size; y++) {
      let to = ((top + y) * this.#side + left) * classes;
      for (let x = 0; x < size; x++) {
        const share = (down[y] as number) * (across[x] as number);
        for (let k = 0; k < classes; k++, from++, to++) mean[to] = (mean[to] as number) + share * (logits[from] as number);
      }
    }
  }
}
