import type { Random } from '@carpal/masks/random.ts';
import { unfoldedField, type WarpField } from '@carpal/masks/warp-field.ts';

/** The training square on its sheet: its left upper corner and its side, in sheet pixels counted at their centres. */
export type Square = { readonly left: number; readonly top: number; readonly side: number };

/**
 * An elastic bend: each control point moved by up to `alpha` of the side in x and in y, uniformly. The B-spline smooths these moves as a
 * Gaussian of standard deviation `sigma` (a fraction of the side) would: its kernel has the variance of a third of the spacing's square.
 * Simard et al., "Best practices for convolutional neural networks applied to visual document analysis" (2003), whose field is as fine as
 * the image. No place moves further than alpha; moves that would fold the image are made smaller.
 */
export function drawElastic({ alpha, sigma }: { alpha: number; sigma: number }, square: Square, random: Random): WarpField {
  const spacing = Math.sqrt(3) * sigma * square.side;
  const count = Math.ceil(square.side / spacing) + 4;
  const moves = (): Float64Array => Float64Array.from({ length: count * count }, () => random.range(-alpha, alpha) * square.side);
  // The control points begin anywhere beside the square, so that no place of it is moved more often than another.
  const left = square.left - spacing * (1 + random.next());
  const top = square.top - spacing * (1 + random.next());
  return unfoldedField({ left, top, spacing, columns: count, rows: count, moveX: moves(), moveY: moves() });
}

/**
 * A grid of `steps` × `steps` cells whose columns and rows become wider and narrower by up to `limit` of their size while the square's
 * border stays about where it is. Between the grid's lines the change is smooth, so bones get no kinks.
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

/** How far each of the grid's lines moves; the first and the last stay. */
function lineMoves(steps: number, limit: number, spacing: number, random: Random): Float64Array {
  const widths = Array.from({ length: steps }, () => 1 + random.range(-limit, limit));
  const mean = widths.reduce((sum, width) => sum + width, 0) / steps;
  const moves = new Float64Array(steps + 1);
  for (let i = 0; i < steps; i++) moves[i + 1] = (moves[i] as number) + ((widths[i] as number) / mean - 1) * spacing;
  return moves;
}
