import type { Predictor } from '../engine/step.ts';
import type { Pause } from './pause.ts';
import type { WindowSpec } from './viewing.ts';

/** Standard deviation of the weight, as a share of the window's side. */
const SIGMA = 1 / 8;
/** The least weight along an axis. */
const FLOOR = 1e-3;
/** Most windows in one run of the network: a row of them, where they are half a window apart on a sheet of two. */
const AT_ONCE = 3;
/** Most pixels in one run: a large window keeps any machine busy alone, and answers of many would fill the memory. */
const PIXELS_AT_ONCE = 3 * 512 * 512;

/** Where windows of `size` begin along a side: at every multiple of the stride, the last one flush with the end. */
export function windowStarts(side: number, size: number, stride: number): number[] {
  const starts: number[] = [];
  for (let start = 0; start + size < side; start += stride) starts.push(start);
  return [...starts, side - size];
}

/**
 * For each window along a side what each of its pixels has of the mean: the weights of all windows over a pixel sum to 1. `gaussian` is the
 * bell of nnU-Net and MONAI (sigma an eighth of the window), never less than a thousandth of its height, so that no pixel is without a
 * weight. The weight of a pixel is the product of those along the two sides.
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
 * Logits [side, side, classes] of a picture that is larger than what the network is shown: it sees the windows as they are, a few at a
 * time, and their logits are averaged by weight. Holds one map of the picture besides the network's answer for those few windows. Pauses after
 * each of these runs, and throws what the pause throws.
 */
export async function windowLogits(
  predictor: Predictor,
  picture: Float32Array,
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
  const atOnce = Math.max(1, Math.min(AT_ONCE, Math.floor(PIXELS_AT_ONCE / pixels)));
  for (let from = 0; from < places.length; from += atOnce) {
    const some = places.slice(from, from + atOnce);
    const images = new Float32Array(some.length * pixels);
    for (const [index, { top, left }] of some.entries()) {
      for (let y = 0; y < size; y++) {
        const start = (top + y) * side + left;
        images.set(picture.subarray(start, start + size), index * pixels + y * size);
      }
    }
    const answer = predictor.run(images, some.length, size);
    await pause();
    for (const [index, { top, left, row, column }] of some.entries()) {
      const logits = answer.subarray(index * pixels * classes, (index + 1) * pixels * classes);
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
