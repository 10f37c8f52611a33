import type { Fit } from '@carpal/masks/fit.ts';
import { type GreyRange, greyRange } from '@carpal/report/dataset/grey-range.ts';
import type { Radiograph } from '@carpal/report/dataset/radiograph.ts';

/**
 * Resizes a radiograph into its training square, one byte per pixel. When reducing, each square pixel is the mean of the image area that it
 * covers, which is the same area that its coverage target uses. When enlarging, it interpolates between pixel centres. Outside the image
 * the square is black. Both keep centres aligned at any ratio, so neither image nor target shifts. `range` gives the grey values that become
 * 0 and 255. It is applied at the image's full depth, before values are rounded, so an image that uses a small part of its depth keeps 256
 * levels.
 */
export function resizeToSquare(radiograph: Radiograph, fit: Fit, range: GreyRange = greyRange(radiograph, 'unit')): Uint8Array {
  const { pixels, width, height } = radiograph;
  const { size } = fit;
  const { black } = range;
  const depth = range.white - black;
  const across = axisTaps(width, size, fit.scale, fit.offsetX);
  const down = axisTaps(height, size, fit.scale, fit.offsetY);
  // A pixel at the border may be partly outside the image: only the part inside counts as grey.
  const [coverAcross, coverDown] = [coversOf(across, size), coversOf(down, size)];
  const out = new Uint8Array(size * size);
  const line = new Float32Array(width);
  for (let j = 0; j < size; j++) {
    line.fill(0);
    addRows(pixels, width, down, j, line);
    for (let i = 0; i < size; i++) {
      const first = across.starts[i] as number;
      const last = across.starts[i + 1] as number;
      const source = (across.positions[i] as number) - first;
      let sum = 0;
      for (let k = first; k < last; k++) sum += (across.weights[k] as number) * (line[source + k] as number);
      const cover = (coverAcross[i] as number) * (coverDown[j] as number);
      out[j * size + i] = Math.min(255, Math.max(0, ((sum - black * cover) * 255) / depth + 0.5)) | 0;
    }
  }
  return out;
}

/**
 * Sums the image rows of square row `j`, four at a time. This loop visits every pixel of the image, so it determines the cost of resizing.
 */
function addRows(
  pixels: Uint8Array | Uint16Array,
  width: number,
  { starts, positions, weights }: Taps,
  j: number,
  line: Float32Array,
): void {
  const first = starts[j] as number;
  const last = starts[j + 1] as number;
  let from = (positions[j] as number) * width;
  let k = first;
  for (; k + 4 <= last; k += 4) {
    const [p, q, r, s] = [weights[k] as number, weights[k + 1] as number, weights[k + 2] as number, weights[k + 3] as number];
    for (let x = 0; x < width; x++) {
      const at = from + x;
      line[x] =
        (line[x] as number) +
        (p * (pixels[at] as number) +
          q * (pixels[at + width] as number) +
          (r * (pixels[at + 2 * width] as number) + s * (pixels[at + 3 * width] as number)));
    }
    from += 4 * width;
  }
  for (; k < last; k++) {
    const weight = weights[k] as number;
    for (let x = 0; x < width; x++) line[x] = (line[x] as number) + weight * (pixels[from + x] as number);
    from += width;
  }
}

/**
 * Along one axis: square pixel i is the sum over k in [starts[i], starts[i+1]) of weights[k] × image pixel positions[i] + k − starts[i].
 */
type Taps = { readonly starts: Uint32Array; readonly positions: Uint32Array; readonly weights: Float64Array };

/** The share of each square pixel that is inside the image. */
function coversOf({ starts, weights }: Taps, size: number): Float64Array {
  return Float64Array.from({ length: size }, (_, i) => weights.subarray(starts[i], starts[i + 1]).reduce((sum, weight) => sum + weight, 0));
}

function axisTaps(length: number, size: number, scale: number, offset: number): Taps {
  const starts = new Uint32Array(size + 1);
  const positions = new Uint32Array(size);
  const weights: number[] = [];
  for (let i = 0; i < size; i++) {
    const { position, taps } = scale >= 1 ? areaTaps(length, i * scale + offset, scale) : linearTaps(length, (i + 0.5) * scale + offset);
    positions[i] = position;
    weights.push(...taps);
    starts[i + 1] = weights.length;
  }
  return { starts, positions, weights: Float64Array.from(weights) };
}

/** The share of [low, low + span) that each image pixel covers. */
function areaTaps(length: number, low: number, span: number): { position: number; taps: number[] } {
  const from = Math.max(0, low);
  const to = Math.min(length, low + span);
  const position = Math.max(0, Math.floor(from));
  const taps: number[] = [];
  for (let x = position; x < to; x++) taps.push((Math.min(x + 1, to) - Math.max(x, from)) / span);
  return { position, taps };
}

/** The two image pixels whose centres are next to `at` (an edge coordinate); none outside the image. */
function linearTaps(length: number, at: number): { position: number; taps: number[] } {
  if (at < 0 || at > length) return { position: 0, taps: [] };
  const centre = Math.min(Math.max(at - 0.5, 0), length - 1);
  const position = Math.min(Math.floor(centre), Math.max(0, length - 2));
  const share = centre - position;
  return { position, taps: length === 1 ? [1] : [1 - share, share] };
}
