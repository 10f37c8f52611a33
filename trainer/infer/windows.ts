import type { Predictor } from '../step/step.ts';
import type { Pause } from './pause.ts';

/** Windows of size² with a stride, cut from the image after it was fitted to sheetSize². */
export type WindowSpec = {
  readonly size: number;
  readonly stride: number;
  readonly weights: 'uniform' | 'gaussian';
  readonly sheetSize: number;
};

/** Standard deviation of the Gaussian weights, relative to the window's side. */
const SIGMA = 1 / 8;
/** Smallest weight along an axis. */
const FLOOR = 1e-3;
/** Most windows per network run. With half-overlapping windows on an image of twice the window's side, this is one row. */
const MAX_WINDOWS = 3;
/** Most pixels per network run. One large window already uses the whole machine, and the outputs of several would fill the memory. */
const MAX_PIXELS = 3 * 512 * 512;

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
 * their logits are averaged by weight. Holds one logit map of the image and the network's output for a few windows. Pauses after each run,
 * and throws what the pause throws.
 */
export async function windowLogits(
  predictor: Predictor,
  image: Float32Array,
  side: number,
  window: WindowSpec,
  classes: number,
  pause: Pause,
): Promise<Float32Array> {
  const { size, stride, weights } = window;
  const starts = windowStarts(side, size, stride);
  const shares = windowShares(starts, side, size, weights);
  const places = starts.flatMap((top, row) => starts.map((left, column) => ({ top, left, row, column })));
  const mean = new Float32Array(side * side * classes);
  const pixels = size * size;
  const perRun = Math.max(1, Math.min(MAX_WINDOWS, Math.floor(MAX_PIXELS / pixels)));
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
    for (const [index, { top, left, row, column }] of batch.entries()) {
      const logits = output.subarray(index * pixels * classes, (index + 1) * pixels * classes);
      addWindow(mean, logits, side, size, classes, { top, left }, shares[row] as Float64Array, shares[column] as Float64Array);
    }
  }
  return mean;
}

function addWindow(
  mean: Float32Array,
  logits: Float32Array,
  side: number,
  size: number,
  classes: number,
  { top, left }: { readonly top: number; readonly left: number },
  down: Float64Array,
  across: Float64Array,
): void {
  for (let y = 0, from = 0; y < size; y++) {
    let to = ((top + y) * side + left) * classes;
    for (let x = 0; x < size; x++) {
      const share = (down[y] as number) * (across[x] as number);
      for (let k = 0; k < classes; k++, from++, to++) mean[to] = (mean[to] as number) + share * (logits[from] as number);
    }
  }
}
