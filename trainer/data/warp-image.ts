import type { Crop, Fit } from '@carpal/masks/fit.ts';
import { type Affine, IDENTITY, type Warp } from '@carpal/masks/warp.ts';
import { type BentGrid, type Box, originsOf, type WarpPlan } from './warp-plan.ts';

/** A buffer for {@link warpImage}, reusable for images of one size: it has a black frame around the image. */
export function warpScratch(size: number): Float32Array {
  return new Float32Array((size + 3) * (size + 3));
}

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
  const { size } = fit;
  const whole: Crop = { left: 0, top: 0, size };
  const plan: WarpPlan = {
    crop: whole,
    side: size,
    source: { left: 0, top: 0, right: size, bottom: size },
    ...originsOf(fit, warp, whole),
  };
  samplePlan(image, plan, levels, scratch, out);
}

/**
 * Writes a crop of the moved image to `out`, `[size, size]`. Equals, bit for bit, the same part of what {@link warpImage} makes of the whole
 * image, but reads only what the crop shows: `rows` are the rows of the image from `source.top` to `source.bottom`.
 */
export function warpCrop(rows: Uint8Array, plan: WarpPlan, levels: Float32Array, scratch: Float32Array, out: Float32Array): void {
  if ('bent' in plan || plan.affine !== IDENTITY) {
    samplePlan(rows, plan, levels, scratch, out);
    return;
  }
  const { left, top, size } = plan.crop;
  for (let y = 0; y < size; y++) lookUp(rows, (top + y - plan.source.top) * plan.side + left, size, levels, out, y * size);
}

function samplePlan(rows: Uint8Array | Float32Array, plan: WarpPlan, levels: Float32Array, framed: Float32Array, out: Float32Array): void {
  const { crop, side, source } = plan;
  const stride = source.right - source.left + 3;
  frameRows(rows, side, source, levels, framed);
  const frame: Frame = { framed, stride, most: side + 1, base: -(source.top * stride + source.left) };
  if ('affine' in plan) sampleAffine(frame, plan.affine, crop, out);
  else sampleBent(frame, plan.bent, crop, out);
}

function sampleAffine(
  { framed, stride, most, base }: Frame,
  [a, b, c, d, e, f]: Affine,
  { left, top, size }: Crop,
  out: Float32Array,
): void {
  let to = 0;
  for (let y = top; y < top + size; y++) {
    const rowX = b * y + c;
    const rowY = e * y + f;
    for (let x = left; x < left + size; x++) out[to++] = sample(framed, stride, most, base, a * x + rowX, d * x + rowY);
  }
}

function sampleBent({ framed, stride, most, base }: Frame, grid: BentGrid, { left, top, size }: Crop, out: Float32Array): void {
  const { step, firstColumn, firstRow, columns, x: originX, y: originY } = grid;
  let to = 0;
  for (let y = top; y < top + size; y++) {
    const upper = (Math.floor(y / step) - firstRow) * columns;
    const lower = upper + columns;
    const down = (y % step) / step;
    for (let cell = 0; cell + 1 < columns; cell++) {
      const leftX = between(originX[upper + cell] as number, originX[lower + cell] as number, down);
      const leftY = between(originY[upper + cell] as number, originY[lower + cell] as number, down);
      const stepX = (between(originX[upper + cell + 1] as number, originX[lower + cell + 1] as number, down) - leftX) / step;
      const stepY = (between(originY[upper + cell + 1] as number, originY[lower + cell + 1] as number, down) - leftY) / step;
      const start = (firstColumn + cell) * step;
      const end = Math.min(step, left + size - start);
      for (let k = Math.max(0, left - start); k < end; k++)
        out[to++] = sample(framed, stride, most, base, leftX + k * stepX, leftY + k * stepY);
    }
  }
}

const between = (first: number, second: number, share: number): number => first + share * (second - first);

/** Rows of `stride` values: a part of the square with a black frame, one pixel wide before the part and two after it. */
type Frame = {
  readonly framed: Float32Array;
  readonly stride: number;
  /** The last column and row of the framed square. */
  readonly most: number;
  /** Index of the framed square's first value, which is negative if the part begins later. */
  readonly base: number;
};

/** The framed image at a place of the square. The frame makes further checks unnecessary. */
function sample(framed: Float32Array, stride: number, most: number, base: number, x: number, y: number): number {
  const sourceX = Math.min(Math.max(x + 1, 0), most);
  const sourceY = Math.min(Math.max(y + 1, 0), most);
  const left = sourceX | 0;
  const top = sourceY | 0;
  const shareX = sourceX - left;
  const i = base + top * stride + left;
  const p = framed[i] as number;
  const r = framed[i + stride] as number;
  const upper = p + shareX * ((framed[i + 1] as number) - p);
  const lower = r + shareX * ((framed[i + stride + 1] as number) - r);
  return upper + (sourceY - top) * (lower - upper);
}

/** Maps the grey levels of a part of an image of `side` columns and adds a black frame. `rows` are the part's rows, whole. */
function frameRows(
  rows: Uint8Array | Float32Array,
  side: number,
  { left, top, right, bottom }: Box,
  levels: Float32Array,
  framed: Float32Array,
): void {
  const [width, height] = [right - left, bottom - top];
  const stride = width + 3;
  const black = levels[0] as number;
  framed.fill(black, 0, stride);
  framed.fill(black, (height + 1) * stride, (height + 3) * stride);
  for (let y = 0; y < height; y++) {
    const from = (y + 1) * stride;
    framed[from] = black;
    lookUp(rows, y * side + left, width, levels, framed, from + 1);
    framed[from + width + 1] = black;
    framed[from + width + 2] = black;
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
