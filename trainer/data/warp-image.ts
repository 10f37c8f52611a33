import type { Fit } from '@carpal/masks/fit.ts';
import { type Affine, compose, invert, isField, type Warp, warpSource } from '@carpal/masks/warp.ts';
import type { Place } from '@carpal/masks/warp-field.ts';

/** The map from square pixels to image pixels; both have integer coordinates at pixel centres. */
export function squareToImage({ scale, offsetX, offsetY }: Fit): Affine {
  return [scale, 0, scale / 2 + offsetX - 0.5, 0, scale, scale / 2 + offsetY - 0.5];
}

/** A buffer for {@link warpImage}, reusable for images of one size: it has a black frame around the image. */
export function warpScratch(size: number): Float32Array {
  return new Float32Array((size + 3) * (size + 3));
}

/**
 * If the image is bent, origins are computed only for every few pixels and interpolated between them, with an error of at most this much of
 * a pixel.
 */
const ORIGIN_ERROR = 0.05;
const LONGEST_STRIDE = 8;

/**
 * Moves a square grey image by `warp` (maps of image coordinates) and maps its grey levels with `levels`; writes to `out`. All maps
 * together are sampled only once, bilinearly between pixel centres. Places from outside the square are black (`levels[0]`). The image is
 * bytes, or values in 0..1 that are interpolated between two entries of the table. `out` may be the image itself.
 */
export function warpImage(
  image: Uint8Array | Float32Array,
  { fit, warp, levels, scratch }: { fit: Fit; warp: Warp; levels: Float32Array; scratch: Float32Array },
  out: Float32Array,
): void {
  const [only, ...others] = warp;
  frameImage(image, fit.size, levels, scratch);
  if (only !== undefined && others.length === 0 && !isField(only)) sampleAffine(scratch, fit, only, out);
  else sampleBent(scratch, fit, warp, out);
}

function sampleAffine(framed: Float32Array, fit: Fit, geometry: Affine, out: Float32Array): void {
  const { size } = fit;
  const toImage = squareToImage(fit);
  // The origin of an output pixel: from the square to the image, back through the movement, and to the square again.
  const [a, b, c, d, e, f] = compose(compose(invert(toImage), invert(geometry)), toImage);
  const stride = size + 3;
  let to = 0;
  for (let y = 0; y < size; y++) {
    const rowX = b * y + c;
    const rowY = e * y + f;
    for (let x = 0; x < size; x++) out[to++] = sample(framed, stride, a * x + rowX, d * x + rowY);
  }
}

function sampleBent(framed: Float32Array, fit: Fit, warp: Warp, out: Float32Array): void {
  const { size } = fit;
  const step = originStride(fit, warp);
  const cells = Math.ceil(size / step);
  const { x: originX, y: originY } = origins(fit, warp, cells + 1, step);
  const stride = size + 3;
  for (let y = 0; y < size; y++) {
    const upper = Math.floor(y / step) * (cells + 1);
    const lower = upper + cells + 1;
    const down = (y % step) / step;
    let to = y * size;
    for (let cell = 0; cell < cells; cell++) {
      const leftX = between(originX[upper + cell] as number, originX[lower + cell] as number, down);
      const leftY = between(originY[upper + cell] as number, originY[lower + cell] as number, down);
      const stepX = (between(originX[upper + cell + 1] as number, originX[lower + cell + 1] as number, down) - leftX) / step;
      const stepY = (between(originY[upper + cell + 1] as number, originY[lower + cell + 1] as number, down) - leftY) / step;
      const columns = Math.min(step, size - cell * step);
      for (let k = 0; k < columns; k++) out[to++] = sample(framed, stride, leftX + k * stepX, leftY + k * stepY);
    }
  }
}

/**
 * The distance between computed origins. Moves of an unfolded field bend by at most 0.6 / spacing, and a straight line across `n` pixels
 * deviates from a curve by an eighth of n² times its bend.
 */
function originStride({ scale }: Fit, warp: Warp): number {
  const spacing = Math.min(...warp.map((step) => (isField(step) ? step.spacing / scale : Number.POSITIVE_INFINITY)));
  return Math.max(1, Math.min(LONGEST_STRIDE, Math.floor(Math.sqrt((8 * ORIGIN_ERROR * spacing) / 0.6))));
}

/** The origins of the pixels at multiples of the step, in square pixels. */
function origins(fit: Fit, warp: Warp, count: number, step: number): { x: Float64Array; y: Float64Array } {
  const sourceOf = warpSource(warp);
  const [scale, , offsetX, , , offsetY] = squareToImage(fit);
  const grid = { x: new Float64Array(count * count), y: new Float64Array(count * count) };
  const place: Place = { x: 0, y: 0 };
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < count; column++) {
      sourceOf(column * step * scale + offsetX, row * step * scale + offsetY, place);
      grid.x[row * count + column] = (place.x - offsetX) / scale;
      grid.y[row * count + column] = (place.y - offsetY) / scale;
    }
  }
  return grid;
}

const between = (first: number, second: number, share: number): number => first + share * (second - first);

/**
 * The framed image at a place of the square. The frame is one pixel wide before the image and two after it, so no further check is needed.
 */
function sample(framed: Float32Array, stride: number, x: number, y: number): number {
  const sourceX = Math.min(Math.max(x + 1, 0), stride - 2);
  const sourceY = Math.min(Math.max(y + 1, 0), stride - 2);
  const left = sourceX | 0;
  const top = sourceY | 0;
  const shareX = sourceX - left;
  const i = top * stride + left;
  const p = framed[i] as number;
  const r = framed[i + stride] as number;
  const upper = p + shareX * ((framed[i + 1] as number) - p);
  const lower = r + shareX * ((framed[i + stride + 1] as number) - r);
  return upper + (sourceY - top) * (lower - upper);
}

/** Maps the grey levels and adds a black frame. */
function frameImage(image: Uint8Array | Float32Array, size: number, levels: Float32Array, framed: Float32Array): void {
  const stride = size + 3;
  const black = levels[0] as number;
  framed.fill(black, 0, stride);
  framed.fill(black, (size + 1) * stride);
  for (let y = 0; y < size; y++) {
    const from = (y + 1) * stride;
    framed[from] = black;
    lookUp(image, y * size, size, levels, framed, from + 1);
    framed[from + size + 1] = black;
    framed[from + size + 2] = black;
  }
}

/** Writes the levels of `count` pixels starting at `from` to `out[to …]`. */
export function lookUp(
  image: Uint8Array | Float32Array,
  from: number,
  count: number,
  levels: Float32Array,
  out: Float32Array,
  to: number,
): void {
  if (image instanceof Uint8Array) {
    for (let i = 0; i < count; i++) out[to + i] = levels[image[from + i] as number] as number;
    return;
  }
  for (let i = 0; i < count; i++) {
    const at = (image[from + i] as number) * 255;
    const below = Math.min(254, at | 0);
    const level = levels[below] as number;
    out[to + i] = level + (at - below) * ((levels[below + 1] as number) - level);
  }
}
