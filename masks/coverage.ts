import type { Fit } from './fit.ts';
import { checkSquareTarget } from './fit.ts';
import type { RleMask } from './rle-mask.ts';

/**
 * Sums for one row of the square, in image pixels: `part` for square pixels that a run covers partly, `steps` for the change from one
 * square pixel to the next where runs cover them fully. Both are reused between calls, which always reset them to zero.
 */
let part = new Float64Array(1025);
let steps = new Float64Array(1026);

/**
 * Adds the coverage of a mask to one channel of `out`, of shape `[size, size, channels]`. The coverage of a square pixel is the exact share
 * of its area that the mask covers, times 255, rounded. The sum is limited to 255. This is a box average: with an integer scale, the shares
 * times the area of a square pixel sum up to the area of the mask. Scales below 1 work too. Ignores pixels outside the square and writes
 * only inside the bounding box of the mask. Throws a MaskError if `out` or `channel` does not fit.
 */
export function addCoverage(mask: RleMask, fit: Fit, out: Uint8Array, channel: number, channels: number): void {
  const { size, scale, offsetY } = fit;
  prepareSums(size, out, channel, channels);
  const { bounds, width } = mask;
  if (bounds.length === 0) return;
  const firstY = Math.floor((bounds[0] as number) / width);
  const lastY = Math.floor(((bounds[bounds.length - 1] as number) - 1) / width);
  const firstRow = Math.max(0, Math.floor((firstY - offsetY) / scale));
  const lastRow = Math.min(size - 1, Math.floor((lastY + 1 - offsetY) / scale));
  let index = 0;
  for (let row = firstRow; row <= lastRow; row++) {
    const top = row * scale + offsetY;
    const bottom = (row + 1) * scale + offsetY;
    const endY = Math.min(lastY + 1, Math.ceil(bottom));
    touched.from = size;
    touched.to = -1;
    for (let y = Math.max(firstY, Math.floor(top)); y < endY; y++) {
      // Only runs that end before this row can be skipped for the following rows: the next row of the square may start with the same image
      // row.
      while (index < bounds.length && (bounds[index + 1] as number) <= y * width) index += 2;
      addImageRow(bounds, index, y * width, width, fit, Math.min(y + 1, bottom) - Math.max(y, top));
    }
    if (touched.to >= 0) writeRow(out, row * size * channels + channel, channels, size, 255 / (scale * scale));
  }
}

/** The columns of the square that contain sums of the current row. */
const touched = { from: 0, to: -1 };

function prepareSums(size: number, out: Uint8Array, channel: number, channels: number): void {
  checkSquareTarget(size, out, channel, channels);
  if (part.length < size + 1) {
    part = new Float64Array(size + 1);
    steps = new Float64Array(size + 2);
  }
}

/** Sums up one image row, starting with the run at `index`. `weight` is the height of the row inside the current row of the square. */
function addImageRow(bounds: Uint32Array, index: number, rowStart: number, width: number, fit: Fit, weight: number): void {
  const { size, scale, offsetX } = fit;
  const inverse = 1 / scale;
  const rowEnd = rowStart + width;
  const whole = scale * weight;
  for (let i = index; i < bounds.length; i += 2) {
    const start = bounds[i] as number;
    if (start >= rowEnd) return;
    const end = bounds[i + 1] as number;
    // Distances from the left edge of the square, in image pixels.
    const left = Math.max(0, (start > rowStart ? start - rowStart : 0) - offsetX);
    const right = Math.min(size * scale, (end < rowEnd ? end - rowStart : width) - offsetX);
    if (right <= left) continue;
    const from = Math.min(size - 1, Math.floor(left * inverse));
    const to = Math.min(size, Math.floor(right * inverse));
    if (from < touched.from) touched.from = from;
    if (to > touched.to) touched.to = to;
    if (from >= to) {
      part[from] = (part[from] as number) + (right - left) * weight;
      continue;
    }
    part[from] = (part[from] as number) + ((from + 1) * scale - left) * weight;
    part[to] = (part[to] as number) + (right - to * scale) * weight;
    steps[from + 1] = (steps[from + 1] as number) + whole;
    steps[to] = (steps[to] as number) - whole;
  }
}

/** Writes the sums, `channels` apart, and resets them to zero. */
function writeRow(out: Uint8Array, rowStart: number, channels: number, size: number, valueOfArea: number): void {
  let covered = 0;
  let at = rowStart + touched.from * channels;
  for (let column = touched.from; column <= touched.to; column++) {
    covered += steps[column] as number;
    const value = ((covered + (part[column] as number)) * valueOfArea + 0.5) | 0;
    if (value > 0 && column < size) out[at] = Math.min(255, (out[at] as number) + value);
    part[column] = 0;
    steps[column] = 0;
    at += channels;
  }
}
