import type { Crop, Fit } from '@carpal/masks/fit.ts';
import { type Affine, compose, IDENTITY, invert, isField, type Warp, warpSource } from '@carpal/masks/warp.ts';
import type { Place } from '@carpal/masks/warp-field.ts';

/** The map from square pixels to image pixels; both have integer coordinates at pixel centres. */
export function squareToImage({ scale, offsetX, offsetY }: Fit): Affine {
  return [scale, 0, scale / 2 + offsetX - 0.5, 0, scale, scale / 2 + offsetY - 0.5];
}

/**
 * If the image is bent, origins are computed only for every few pixels and interpolated between them, with an error of at most this much of
 * a pixel.
 */
const ORIGIN_ERROR = 0.05;
const LONGEST_STRIDE = 8;

/** A rectangle of the square, in pixels; `right` and `bottom` are not included. */
export type Box = { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number };

/** Where each pixel of a crop of the moved image comes from. */
export type WarpPlan = Origins & {
  readonly crop: Crop;
  /** Side of the square. */
  readonly side: number;
  /** The part of the unmoved square that the crop is made from. */
  readonly source: Box;
};

/** A plan for a crop of the square after a movement, which may be empty. */
export function planCrop(fit: Fit, warp: Warp, crop: Crop): WarpPlan {
  const origins = originsOf(fit, warp, crop);
  return { crop, side: fit.size, source: sourceOf(origins, crop, fit.size), ...origins };
}

/** The number of values that {@link warpCrop} needs as scratch memory. */
export function scratchLength({ source }: WarpPlan): number {
  return (source.right - source.left + 3) * (source.bottom - source.top + 3);
}

/** Either one affine map from pixels of the moved square to pixels of the square, or the origins of some pixels of the moved square. */
type Origins = { readonly affine: Affine } | { readonly bent: BentGrid };

/**
 * The origins of the pixels at multiples of `step`, in square pixels. Columns and rows begin at the multiple before the crop, so that every
 * crop uses the same origins.
 */
export type BentGrid = {
  readonly step: number;
  readonly firstColumn: number;
  readonly firstRow: number;
  readonly columns: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
};

/** The origins of the pixels of a crop of the moved square. */
export function originsOf(fit: Fit, warp: Warp, crop: Crop): Origins {
  const [only = IDENTITY, ...others] = warp;
  if (others.length > 0 || isField(only)) return { bent: bentGrid(fit, warp, crop) };
  const toImage = squareToImage(fit);
  // The origin of an output pixel: from the square to the image, back through the movement, and to the square again.
  return { affine: only === IDENTITY ? IDENTITY : compose(compose(invert(toImage), invert(only)), toImage) };
}

/** The pixels around all origins of a crop, with a margin of a pixel for rounding. */
function sourceOf(origins: Origins, { left, top, size }: Crop, side: number): Box {
  const [x, y] = 'bent' in origins ? [origins.bent.x, origins.bent.y] : affineCorners(origins.affine, left, top, size - 1);
  const limits = (values: Float64Array): [number, number] => {
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const value of values) [least, most] = [Math.min(least, value), Math.max(most, value)];
    const hold = (value: number): number => Math.min(Math.max(value, 0), side);
    return [hold(Math.floor(least) - 1), hold(Math.ceil(most) + 2)];
  };
  const [[fromX, toX], [fromY, toY]] = [limits(x), limits(y)];
  return { left: fromX, top: fromY, right: toX, bottom: toY };
}

function affineCorners([a, b, c, d, e, f]: Affine, left: number, top: number, reach: number): [Float64Array, Float64Array] {
  const corners = [0, reach].flatMap((down) => [0, reach].map((across) => [left + across, top + down] as const));
  return [Float64Array.from(corners, ([x, y]) => a * x + b * y + c), Float64Array.from(corners, ([x, y]) => d * x + e * y + f)];
}

/**
 * The distance between computed origins. Moves of an unfolded field bend by at most 0.6 / spacing, and a straight line across `n` pixels
 * deviates from a curve by an eighth of n² times its bend.
 */
function originStride({ scale }: Fit, warp: Warp): number {
  const spacing = Math.min(...warp.map((step) => (isField(step) ? step.spacing / scale : Number.POSITIVE_INFINITY)));
  return Math.max(1, Math.min(LONGEST_STRIDE, Math.floor(Math.sqrt((8 * ORIGIN_ERROR * spacing) / 0.6))));
}

function bentGrid(fit: Fit, warp: Warp, { left, top, size }: Crop): BentGrid {
  const step = originStride(fit, warp);
  const [firstColumn, firstRow] = [Math.floor(left / step), Math.floor(top / step)];
  const columns = Math.ceil((left + size) / step) - firstColumn + 1;
  const rows = Math.ceil((top + size) / step) - firstRow + 1;
  const originOf = warpSource(warp);
  const [scale, , offsetX, , , offsetY] = squareToImage(fit);
  const grid = { step, firstColumn, firstRow, columns, x: new Float64Array(rows * columns), y: new Float64Array(rows * columns) };
  const place: Place = { x: 0, y: 0 };
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      originOf((firstColumn + column) * step * scale + offsetX, (firstRow + row) * step * scale + offsetY, place);
      grid.x[row * columns + column] = (place.x - offsetX) / scale;
      grid.y[row * columns + column] = (place.y - offsetY) / scale;
    }
  }
  return grid;
}
