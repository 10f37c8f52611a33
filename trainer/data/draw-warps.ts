import type { Polygon } from '@carpal/masks/fill-polygon.ts';
import { outlineBox } from '@carpal/masks/outline-box.ts';
import type { Random } from '@carpal/masks/random.ts';
import { type Affine, compose, scaling, translation } from '@carpal/masks/warp.ts';
import { unfoldedField, type WarpField } from '@carpal/masks/warp-field.ts';

/**
 * The position of the training square in the image: upper left corner and side, in pixels of the image with integer coordinates at pixel
 * centres.
 */
export type Square = { readonly left: number; readonly top: number; readonly side: number };

/**
 * An elastic deformation: each control point moves uniformly by up to `alpha` of the side in x and in y. The B-spline smooths these moves
 * like a Gaussian of standard deviation `sigma` (a fraction of the side): the variance of its kernel is a third of the squared spacing.
 * After Simard et al., "Best practices for convolutional neural networks applied to visual document analysis" (2003), who use a field as
 * fine as the image. No place moves further than alpha; moves that would fold the image are reduced.
 */
export function drawElastic({ alpha, sigma }: { alpha: number; sigma: number }, square: Square, random: Random): WarpField {
  const spacing = Math.sqrt(3) * sigma * square.side;
  const count = Math.ceil(square.side / spacing) + 4;
  const moves = (): Float64Array => Float64Array.from({ length: count * count }, () => random.range(-alpha, alpha) * square.side);
  // The grid of control points has a random offset from the square, so that no place moves more often than another.
  const left = square.left - spacing * (1 + random.next());
  const top = square.top - spacing * (1 + random.next());
  return unfoldedField({ left, top, spacing, columns: count, rows: count, moveX: moves(), moveY: moves() });
}

/**
 * A grid of `steps` × `steps` cells whose columns and rows become wider or narrower by up to `limit` of their size, while the border of the
 * square stays approximately in place. The change is smooth between the grid lines, so bones get no kinks.
 */
export function drawGridDistortion({ steps, limit }: { steps: number; limit: number }, square: Square, random: Random): WarpField {
  const spacing = square.side / steps;
  const across = lineMoves(steps, limit, spacing, random);
  const down = lineMoves(steps, limit, spacing, random);
  const count = steps + 1;
  const moveX = Float64Array.from({ length: count * count }, (_, i) => across[i % count] as number);
  const moveY = Float64Array.from({ length: count * count }, (_, i) => down[Math.floor(i / count)] as number);
  return unfoldedField({ left: square.left, top: square.top, spacing, columns: count, rows: count, moveX, moveY });
}

/** How far each grid line moves; the first and the last do not move. */
function lineMoves(steps: number, limit: number, spacing: number, random: Random): Float64Array {
  const widths = Array.from({ length: steps }, () => 1 + random.range(-limit, limit));
  const mean = widths.reduce((sum, width) => sum + width, 0) / steps;
  const moves = new Float64Array(steps + 1);
  for (let i = 0; i < steps; i++) moves[i + 1] = (moves[i] as number) + ((widths[i] as number) / mean - 1) * spacing;
  return moves;
}

type WristWindow = {
  /** Maps the window to the whole square. */
  readonly map: Affine;
  /** Side of the window as a fraction of the side of the square. */
  readonly share: number;
};

/**
 * A random square window that contains the wrist. Its side is the longer side of the outlines' bounding box times a random number from
 * `low` to `high`; the box is at a random position inside. Undefined without vertices.
 */
export function drawWristWindow(
  outlines: readonly Polygon[],
  { low, high }: { low: number; high: number },
  square: Square,
  random: Random,
): WristWindow | undefined {
  const box = outlineBox(...outlines);
  if (box === undefined) return undefined;
  const { left, top, right, bottom } = box;
  // Vertices are pixel centres, so the box of one pixel is one pixel wide.
  const [width, height] = [right - left + 1, bottom - top + 1];
  const side = Math.max(width, height) * random.range(low, high);
  const centreX = (left + right) / 2 + random.range(-0.5, 0.5) * Math.max(0, side - width);
  const centreY = (top + bottom) / 2 + random.range(-0.5, 0.5) * Math.max(0, side - height);
  const factor = square.side / side;
  const [middleX, middleY] = [square.left + square.side / 2, square.top + square.side / 2];
  return { map: compose(translation(middleX - centreX, middleY - centreY), scaling(factor, factor, centreX, centreY)), share: 1 / factor };
}
